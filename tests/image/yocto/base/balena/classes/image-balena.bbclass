BALENA_BOOT_FAT32 ?= "0"
BALENA_BOOT_SIZE ?= "102400"
BALENA_STATE_SIZE ?= "81920"
BALENA_BOOT_WORKDIR ?= "${WORKDIR}/resin-boot"
BAD_RECOMMENDATIONS ?= ""
ROOTFS_POSTPROCESS_COMMAND ?= "before"
IMAGE_INSTALL = "packagegroup-core-boot unwanted-package"
# As a board's layer does it: with an override of the machine, which wins over a plain value.
BALENA_BOOT_SIZE@:@${MACHINE} = "1"
IMAGE_ROOTFS_SIZE@:@${MACHINE} = "2"
BALENA_STATE_SIZE@:@${MACHINE} = "3"
do_rootfs () {
    :
}
addtask rootfs after do_install before do_build
do_resin_boot_dirgen_and_deploy () {
    :
}
addtask resin_boot_dirgen_and_deploy after do_rootfs before do_build
