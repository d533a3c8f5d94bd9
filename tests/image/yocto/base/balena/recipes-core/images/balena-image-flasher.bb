LICENSE = "CLOSED"

inherit image-balena

IMAGE_ROOTFS_SIZE = "655360"
BALENA_BOOT_PARTITION_FILES = "balena-logo.png:/splash/balena-logo.png"
