LICENSE = "CLOSED"

do_install () {
    install -d ${D}/init.d
}
