#!/bin/busybox sh
# The second stage of the balena bootloader, as process 1: mounts the boot partition, lets `abroot` choose, and starts the
# kernel of that root. Every step that fails ends the boot with one line.

stuck() {
    echo "LAB-STUCK $1"
    poweroff -f
}

/bin/busybox mkdir -p /proc /sys /dev /bootfs /rootfs
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do
    insmod "/modules/$module" 2>/dev/null  # one for a processor that this is not refuses
done < /modules/order

# The device nodes appear by themselves; five seconds at most.
BOOT_DEV=/dev/vda
tries=0
until boot=$(findfs LABEL=resin-boot 2>/dev/null); do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || stuck "no boot partition"
    usleep 50000
done
mount "$boot" /bootfs || stuck "the boot partition cannot be mounted"
BOOTENV_FILE=$(find /bootfs -name bootenv -type f | head -n 1)
[ -n "$BOOTENV_FILE" ] || stuck "no bootenv"

ROOT_PART=
. /abroot
cd /
umount /bootfs || stuck "the boot partition is in use"
sync

root=$(findfs "LABEL=resin-root$ROOT_PART") || stuck "no root '$ROOT_PART'"
mount -o ro "$root" /rootfs || stuck "root '$ROOT_PART' cannot be mounted"
uuid=$(blkid -s UUID -o value "$root")
kexec -c -l /rootfs/boot/bzImage --command-line="console=ttyS0 root=UUID=$uuid" || stuck "no kernel in root '$ROOT_PART'"
umount /rootfs
kexec -e
stuck "kexec came back"
