# @{mark}
# Chooses the root slot and starts its kernel. Needs what distro boot sets (devtype, devnum, distro_bootpart,
# kernel_addr_r, fdt_addr) and nothing of a compiled-in environment. Configuration is read only from the medium that
# this script came from. Numbers of partitions are hexadecimal.

if test "x${distro_bootpart}" = x; then
    setenv distro_bootpart @{boot}
fi
setexpr hal_spare ${kernel_addr_r} + 0x10000

# An import that names variables deletes those which the file lacks; these lines do so where there is no file.
setenv resin_root_part
setenv upgrade_available
setenv bootcount
setenv committed_slot
setenv extra_os_cmdline
setenv extra_os_firmware_class_path
setenv resin_flasher_skip
if load ${devtype} ${devnum}:${distro_bootpart} ${kernel_addr_r} resinOS_uEnv.txt; then
    env import -t ${kernel_addr_r} ${filesize} resin_root_part upgrade_available
fi
if load ${devtype} ${devnum}:${distro_bootpart} ${kernel_addr_r} bootcount.env; then
    env import -t ${kernel_addr_r} ${filesize} bootcount
fi
if load ${devtype} ${devnum}:${distro_bootpart} ${kernel_addr_r} @{committed_file}; then
    env import -t ${kernel_addr_r} ${filesize} committed_slot
fi
if load ${devtype} ${devnum}:${distro_bootpart} ${kernel_addr_r} extra_uEnv.txt; then
    env import -t ${kernel_addr_r} ${filesize} extra_os_cmdline extra_os_firmware_class_path resin_flasher_skip
fi

# A single quote in a value would end the command that it is in, so none stays. Ranges are nothing this pattern knows.
setexpr resin_root_part gsub "[^ 0123456789abcdef]" x
setexpr upgrade_available gsub "[^ 0123456789abcdef]" x
setexpr bootcount gsub "[^ 0123456789abcdef]" x
setexpr committed_slot gsub "[^ 0123456789abcdef]" x
setexpr extra_os_cmdline gsub "[']" ""
setexpr extra_os_firmware_class_path gsub "[']" ""
setexpr resin_flasher_skip gsub "[^ 0123456789abcdef]" x

# Which slot is named. One blank behind a value is not part of it.
setenv hal_slot A
setenv hal_named no
setenv hal_why "nothing names a slot"
if test "x${committed_slot}" = "x@{root_a}" || test "x${committed_slot}" = "x@{root_a} "; then
    setenv hal_why "the state file names no slot; it is the committed one"
fi
if test "x${committed_slot}" = "x@{root_b}" || test "x${committed_slot}" = "x@{root_b} "; then
    setenv hal_slot B
    setenv hal_why "the state file names no slot; it is the committed one"
fi
if test "x${resin_root_part}" = "x@{root_a}" || test "x${resin_root_part}" = "x@{root_a} "; then
    setenv hal_slot A
    setenv hal_named yes
fi
if test "x${resin_root_part}" = "x@{root_b}" || test "x${resin_root_part}" = "x@{root_b} "; then
    setenv hal_slot B
    setenv hal_named yes
fi
if test ${hal_named} = yes; then
    setenv hal_why "the state file names it"
fi

# Which slots hold a kernel.
setenv hal_kernel_a no
setenv hal_kernel_b no
if size ${devtype} ${devnum}:@{root_a} /boot/@{kernel}; then
    if test "x${filesize}" != x0; then
        setenv hal_kernel_a yes
    fi
fi
if size ${devtype} ${devnum}:@{root_b} /boot/@{kernel}; then
    if test "x${filesize}" != x0; then
        setenv hal_kernel_b yes
    fi
fi
if test ${hal_slot} = A; then
    setenv hal_other B
    setenv hal_here ${hal_kernel_a}
    setenv hal_there ${hal_kernel_b}
else
    setenv hal_other A
    setenv hal_here ${hal_kernel_b}
    setenv hal_there ${hal_kernel_a}
fi

# A medium that installs the OS starts its only slot and counts nothing.
setenv hal_label resin
setenv hal_flasher
if test "x${resin_flasher_skip}" != x1 && test "x${resin_flasher_skip}" != "x1 "; then
    if test -e ${devtype} ${devnum}:${distro_bootpart} balena-image-flasher; then
        setenv hal_label flash
        setenv hal_flasher flasher
        setenv hal_slot A
        setenv hal_other
        setenv hal_here ${hal_kernel_a}
        setenv hal_there no
        setenv hal_named no
        setenv hal_why "this medium installs the OS"
    fi
fi

# An update is pending, and its slot has a kernel or none has: count this boot, or give up.
setenv hal_pending no
if test ${hal_named} = yes; then
    if test "x${upgrade_available}" = x1 || test "x${upgrade_available}" = "x1 "; then
        if test ${hal_here} = yes || test ${hal_there} = no; then
            setenv hal_pending yes
        fi
    fi
fi
setenv hal_change no
if test ${hal_pending} = yes; then
    setenv hal_count 0
    for hal_digit in 1 2 3 4 5 6 7 8 9 a b c d e f; do
        if test "x${bootcount}" = "x${hal_digit}" || test "x${bootcount}" = "x${hal_digit} "; then
            setenv hal_count ${hal_digit}
        fi
    done
    if test ${hal_count} = 0 || test ${hal_count} = 1 || test ${hal_count} = 2; then
        # 13 bytes: the line and a NUL. They are read back into a place that was cleared.
        setexpr hal_next ${hal_count} + 1
        setenv bootcount ${hal_next}
        env export -t ${kernel_addr_r} bootcount
        fatwrite ${devtype} ${devnum}:${distro_bootpart} ${kernel_addr_r} bootcount.env 0xd
        mw.b ${hal_spare} 0 0x40
        setenv bootcount
        if load ${devtype} ${devnum}:${distro_bootpart} ${hal_spare} bootcount.env; then
            env import -t ${hal_spare} ${filesize} bootcount
        fi
        if test "x${bootcount}" = "x${hal_next}"; then
            setenv hal_why "try ${hal_next} of 3 of the updated slot"
        else
            setenv hal_change yes
            setenv hal_why "the boot count cannot be stored, so ${hal_slot} is not tried"
        fi
    else
        setenv hal_change yes
        setenv hal_why "${hal_slot} did not come up in 3 boots"
    fi
fi
# A slot without a kernel never boots while the other one has one.
if test ${hal_change} = yes; then
    if test ${hal_there} = no && test ${hal_here} = yes; then
        setenv hal_change no
        setenv hal_why "${hal_other} has no kernel"
    fi
else
    if test ${hal_here} = no && test ${hal_there} = yes; then
        setenv hal_change yes
        setenv hal_why "${hal_slot} has no kernel"
    fi
fi
setenv hal_order "${hal_slot} ${hal_other}"
if test ${hal_change} = yes; then
    setenv hal_order "${hal_other} ${hal_slot}"
fi
if test ${hal_here} = no && test ${hal_there} = no; then
    setenv hal_order
    echo slot selection: none: neither slot has a kernel
fi

# The firmware's arguments come from its device tree, which must not say them twice.
fdt addr ${fdt_addr}
setenv bootargs
fdt get value bootargs /chosen bootargs
setenv hal_firmware "${bootargs}"
if test "x${hal_firmware}" != x; then
    fdt rm /chosen bootargs
fi

# The second slot of the order is for a kernel that is there and does not load or start.
for hal_try in ${hal_order}; do
    if test ${hal_try} = A; then
        setenv hal_root @{root_a}
        setenv hal_here ${hal_kernel_a}
    else
        setenv hal_root @{root_b}
        setenv hal_here ${hal_kernel_b}
    fi
    if test ${hal_here} = yes; then
        echo slot selection: ${hal_try}: ${hal_why}
        # Never an empty root=: the file system's UUID, else the partition's, else the label.
        setenv hal_uuid
        setenv hal_argument root=LABEL=${hal_label}-root${hal_try}
        if part uuid ${devtype} ${devnum}:${hal_root} hal_uuid; then
            if test "x${hal_uuid}" != x; then
                setenv hal_argument root=PARTUUID=${hal_uuid}
            fi
        fi
        setenv hal_uuid
        if fsuuid ${devtype} ${devnum}:${hal_root} hal_uuid; then
            if test "x${hal_uuid}" != x; then
                setenv hal_argument root=UUID=${hal_uuid}
            fi
        fi
        setenv bootargs
        setenv bootargs "${hal_firmware} ${hal_argument} rootwait ${hal_flasher} ${extra_os_cmdline} ${extra_os_firmware_class_path}"
        if test "x${bootargs}" = x; then
            setenv bootargs "${hal_argument} rootwait ${hal_flasher}"
        fi
@{start}
        setenv hal_why "the kernel of ${hal_try} does not start"
    fi
done
