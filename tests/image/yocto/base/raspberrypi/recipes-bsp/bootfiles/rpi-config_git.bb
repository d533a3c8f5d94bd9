LICENSE = "CLOSED"

inherit deploy

BOOTFILES_DIR_NAME ?= "bootfiles"

do_deploy () {
    :
}
addtask deploy after do_install before do_build
