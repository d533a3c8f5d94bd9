PYTHON_SITEPACKAGES_DIR = "${libdir}/python@PYTHON@/site-packages"
