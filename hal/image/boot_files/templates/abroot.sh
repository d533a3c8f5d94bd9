#!/bin/sh
# @{mark}
# Chooses the root slot in the balena bootloader. The step before it mounts the boot partition and leaves BOOTENV_FILE
# and BOOT_DEV; the steps behind it use bootparam_root, ROOT_PART and IS_ROLLBACK.

# Off in every other initramfs, while a flasher runs, and where the step before found nothing.
abroot_enabled() {
    # shellcheck disable=SC2154
    [ "$bootparam_balena_stage2" = true ] || return 1
    # shellcheck disable=SC2154
    [ "$bootparam_flasher" != true ] || return 1
    [ -n "$BOOTENV_FILE" ] && [ -f "$BOOTENV_FILE" ] || return 1
    [ -n "$BOOT_DEV" ] && [ -b "$BOOT_DEV" ]
}

# The first value of a variable in an environment block: FILE NAME. Nothing where there is none.
slot_value() {
    grub-editenv "$1" list 2>/dev/null | sed -n "s/^$2=//p" | head -n 1
}

# The UUID of a slot's file system: LETTER. Only this disk is searched.
slot_uuid() {
    lsblk -nlo uuid,label "$BOOT_DEV" | sed -n "s/^\([^ ][^ ]*\)  *\(balena\|resin\)-root$1\$/\1/p" | head -n 1
}

# Whether a slot holds a kernel: LETTER. Mounting without replay of the journal writes nothing.
slot_has_kernel() {
    slot_name=$(lsblk -nlo kname,label "$BOOT_DEV" | sed -n "s/^\([^ ][^ ]*\)  *\(balena\|resin\)-root$1\$/\1/p" | head -n 1)
    [ -n "$slot_name" ] || return 1
    slot_mount=/run/abroot-slot
    mkdir -p "$slot_mount"
    mount -t ext4 -o ro,noload "/dev/$slot_name" "$slot_mount" 2>/dev/null || return 1
    [ -s "$slot_mount/boot/@{kernel}" ]
    slot_answer=$?
    umount "$slot_mount"
    return "$slot_answer"
}

# Brings bootenv to what a copy says: COPY. The size stays, and only sectors that differ are written, in place: a power
# cut leaves each sector old or new. Then the disk itself is asked.
slot_write_back() {
    slot_size=$(wc -c <"$BOOTENV_FILE")
    [ "$slot_size" -eq "$(wc -c <"$1")" ] || return 1
    slot_sector=0
    while [ $((slot_sector * 512)) -lt "$slot_size" ]; do
        dd if="$1" of=/run/abroot-new bs=512 skip="$slot_sector" count=1 2>/dev/null
        dd if="$BOOTENV_FILE" of=/run/abroot-old bs=512 skip="$slot_sector" count=1 2>/dev/null
        if ! cmp -s /run/abroot-new /run/abroot-old; then
            dd if=/run/abroot-new of="$BOOTENV_FILE" bs=512 seek="$slot_sector" count=1 conv=notrunc,fsync \
                2>/dev/null || return 1
        fi
        slot_sector=$((slot_sector + 1))
    done
    sync
    echo 3 >/proc/sys/vm/drop_caches || return 1
    cmp -s "$1" "$BOOTENV_FILE"
}

# Stores the boot count: NUMBER. All that decides lies in the first sector, so nothing behind it may move.
slot_store_count() {
    cp "$BOOTENV_FILE" /run/abroot-bootenv || return 1
    grub-editenv /run/abroot-bootenv set "bootcount=$1" 2>/dev/null || return 1
    dd if="$BOOTENV_FILE" of=/run/abroot-old bs=512 skip=1 2>/dev/null
    dd if=/run/abroot-bootenv of=/run/abroot-new bs=512 skip=1 2>/dev/null
    cmp -s /run/abroot-old /run/abroot-new || return 1
    slot_write_back /run/abroot-bootenv || return 1
    [ "$(slot_value "$BOOTENV_FILE" bootcount)" = "$1" ]
}

# The kernel override goes back to the one that was committed for this slot, or to none: LETTER. A power cut here may
# damage the override and nothing else; a damaged one names no kernel, and the slot's own kernel starts.
slot_restore_override() {
    [ -n "$(slot_value "$BOOTENV_FILE" kernel_override_abi)" ] || return 0
    slot_override=$(slot_value "$BOOTENV_FILE" "kernel_override_abi_committed_$1")
    cp "$BOOTENV_FILE" /run/abroot-bootenv || return 1
    if [ -n "$slot_override" ]; then
        grub-editenv /run/abroot-bootenv set "kernel_override_abi=$slot_override" 2>/dev/null || return 1
    else
        grub-editenv /run/abroot-bootenv unset kernel_override_abi 2>/dev/null || return 1
    fi
    slot_write_back /run/abroot-bootenv
}

abroot_run() {
    slot_text=$(slot_value "$BOOTENV_FILE" resin_root_part)
    slot_upgrade=$(slot_value "$BOOTENV_FILE" upgrade_available)
    slot_count=$(slot_value "$BOOTENV_FILE" bootcount)
    slot_committed=$(slot_value "${BOOTENV_FILE%/*}/@{committed_file}" committed_slot)

    # Which slot is named. One blank behind a value is not part of it.
    slot_named=yes
    slot_why="the state file names it"
    case "${slot_text% }" in
        A) ROOT_PART=A slot_other=B ;;
        B) ROOT_PART=B slot_other=A ;;
        *)
            slot_named=no
            slot_why="the state file names no slot; it is the committed one"
            case "${slot_committed% }" in
                A) ROOT_PART=A slot_other=B ;;
                B) ROOT_PART=B slot_other=A ;;
                *) ROOT_PART=A slot_other=B slot_why="nothing names a slot" ;;
            esac
            ;;
    esac
    slot_here=no
    slot_there=no
    slot_has_kernel "$ROOT_PART" && slot_here=yes
    slot_has_kernel "$slot_other" && slot_there=yes

    # An update is pending, and its slot has a kernel or none has: count this boot, or give up.
    slot_change=no
    if [ "$slot_named" = yes ] && [ "${slot_upgrade% }" = 1 ] && { [ "$slot_here" = yes ] || [ "$slot_there" = no ]; }
    then
        case "${slot_count% }" in
            [0-9] | [0-9][0-9]) slot_count=${slot_count% } ;;
            *) slot_count=0 ;;
        esac
        case "$slot_count" in
            0 | 00) slot_next=1 ;;
            1 | 01) slot_next=2 ;;
            2 | 02) slot_next=3 ;;
            *) slot_next= ;;
        esac
        if [ -z "$slot_next" ]; then
            slot_change=yes
            slot_why="$ROOT_PART did not come up in 3 boots"
        elif slot_store_count "$slot_next"; then
            slot_why="try $slot_next of 3 of the updated slot"
        else
            slot_change=yes
            slot_why="the boot count cannot be stored, so $ROOT_PART is not tried"
        fi
    fi

    # A slot without a kernel never boots while the other one has one.
    if [ "$slot_change" = yes ] && [ "$slot_there" = no ] && [ "$slot_here" = yes ]; then
        slot_change=no
        slot_why="$slot_other has no kernel"
    elif [ "$slot_change" = no ] && [ "$slot_here" = no ] && [ "$slot_there" = yes ]; then
        slot_change=yes
        slot_why="$ROOT_PART has no kernel"
    fi

    # Only leaving a slot that the state file names is a rollback.
    IS_ROLLBACK=0
    if [ "$slot_change" = yes ]; then
        ROOT_PART=$slot_other
        if [ "$slot_named" = yes ]; then
            IS_ROLLBACK=1
            slot_restore_override "$ROOT_PART" || echo "slot selection: the kernel override could not be stored"
        fi
    fi
    if [ "$slot_here$slot_there" = nono ]; then
        slot_why="$slot_why; neither slot shows a kernel"
    fi
    echo "slot selection: $ROOT_PART: $slot_why"

    # Never an empty root=.
    slot_root=$(slot_uuid "$ROOT_PART")
    bootparam_root="LABEL=resin-root$ROOT_PART"
    [ -z "$slot_root" ] || bootparam_root="UUID=$slot_root"
    export bootparam_root ROOT_PART IS_ROLLBACK
}
