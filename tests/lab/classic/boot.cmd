# balenaOS's classic choice of the root slot in U-Boot, told again in the lab's own words: the part that its boards carry
# in the compiled-in environment stands here in front. Deliberately with the faults of the original:
# an upgrade count is honoured while no update is pending, hexadecimal is compared as decimal, a failed write is ignored.
# From distro boot: devtype, devnum, kernel_addr_r, ramdisk_addr_r, fdtcontroladdr.

setenv resin_boot_part 1
setenv resin_root_part 2
setenv upgrade_available 0
setenv count_limit 3
setenv count_bytes 0xd
setenv boot_files ${devtype} ${devnum}:${resin_boot_part}

# The file of the root switch, then the user's, then the boot count.
if load ${boot_files} ${kernel_addr_r} resinOS_uEnv.txt; then
    env import -t ${kernel_addr_r} ${filesize}
fi
if load ${boot_files} ${kernel_addr_r} extra_uEnv.txt; then
    env import -t ${kernel_addr_r} ${filesize}
fi
if load ${boot_files} ${kernel_addr_r} bootcount.env; then
    env import -t ${kernel_addr_r} ${filesize}
else
    setenv bootcount 0
fi

setexpr root_a ${resin_boot_part} + 1
setexpr root_b ${resin_boot_part} + 2

# While an update is pending this boot is counted: "bootcount=N", a line feed and a NUL.
if test ${upgrade_available} = 1; then
    setexpr bootcount ${bootcount} + 1
    env export -t ${kernel_addr_r} bootcount
    if fatwrite ${boot_files} ${kernel_addr_r} bootcount.env ${count_bytes}; then
        echo counted boot ${bootcount}
    else
        echo boot ${bootcount} not counted
    fi
fi

# Tried too often: the other root, for this boot.
if test -n ${count_limit} && test -n ${bootcount}; then
    if test ${bootcount} -gt ${count_limit}; then
        if test ${resin_root_part} = ${root_a}; then
            setenv resin_root_part ${root_b}
        else
            setenv resin_root_part ${root_a}
        fi
        echo tried too often, now root ${resin_root_part}
    fi
fi

part uuid ${devtype} ${devnum}:${resin_root_part} root_uuid
setenv bootargs root=PARTUUID=${root_uuid} rootwait ${extra_os_cmdline} ${extra_os_firmware_class_path}
setenv root_files ${devtype} ${devnum}:${resin_root_part}
if load ${root_files} ${ramdisk_addr_r} boot/Image.gz; then
    unzip ${ramdisk_addr_r} ${kernel_addr_r}
    booti ${kernel_addr_r} - ${fdtcontroladdr}
fi
if load ${root_files} ${kernel_addr_r} boot/Image; then
    booti ${kernel_addr_r} - ${fdtcontroladdr}
fi
