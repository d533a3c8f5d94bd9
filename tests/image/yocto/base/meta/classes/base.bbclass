# What every recipe inherits: the tasks, and a check of what is named: that a local source is there, and who is waited for.
SRC_URI ?= ""
python base_do_nothing () {
    pass
}
do_fetch () {
    :
}
do_unpack () {
    :
}
do_configure () {
    :
}
do_compile () {
    :
}
do_install () {
    :
}
do_build () {
    :
}
do_build[noexec] = "1"
addtask fetch
addtask unpack after do_fetch
addtask configure after do_unpack
addtask compile after do_configure
addtask install after do_compile
addtask build after do_install

python () {
    import os
    paths = [path for path in d.getVar("FILESPATH", True).split(":") if path]
    for source in (d.getVar("SRC_URI", True) or "").split():
        if not source.startswith("file://"):
            bb.fatal("%s: would be downloaded" % source)
        name = source[len("file://"):]
        if not any(os.path.exists(os.path.join(path, name)) for path in paths):
            bb.fatal("%s: %s is not below %s" % (d.getVar("PN", True), name, " ".join(paths)))
    if not d.getVar("LICENSE", True):
        bb.fatal("%s has no LICENSE" % d.getVar("PN", True))
    if d.getVar("SRC_URI", True) and d.getVar("LICENSE", True) != "CLOSED" and not d.getVar("LIC_FILES_CHKSUM", True):
        bb.fatal("%s has no LIC_FILES_CHKSUM" % d.getVar("PN", True))
}
