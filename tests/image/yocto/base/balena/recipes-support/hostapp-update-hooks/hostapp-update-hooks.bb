LICENSE = "CLOSED"

BALENA_BOOTFILES_BLACKLIST = "\
    /config.json \
    //EFI/BOOT/grub_extraenv \
    /bootenv \
    "
do_install () {
    mkdir -p ${D}${sysconfdir}/hostapp-update-hooks.d
}
