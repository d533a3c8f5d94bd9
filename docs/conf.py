from hal import __version__

project = "device-hal"
release = version = __version__
html_title = f"device-hal {version}"
html_show_copyright = False

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

html_theme = "alabaster"
html_theme_options = {
    "description": "One vocabulary for the hardware of every balenaOS device",
    "fixed_sidebar": True,
    "page_width": "1240px",
    "body_max_width": "none",
}
html_copy_source = False
