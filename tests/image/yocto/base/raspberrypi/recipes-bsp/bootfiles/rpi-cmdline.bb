LICENSE = "CLOSED"

CMDLINE ?= "root=/dev/mmcblk0p2 rootwait quiet"
