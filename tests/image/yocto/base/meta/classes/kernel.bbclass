do_deploy () {
    :
}
addtask deploy after do_install before do_build
