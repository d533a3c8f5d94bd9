LICENSE = "CLOSED"

do_populate_sysroot () {
    :
}
addtask populate_sysroot after do_install before do_build
