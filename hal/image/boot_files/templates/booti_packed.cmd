        setexpr hal_packed ${kernel_addr_r} + 0x4f80000
        if load ${devtype} ${devnum}:${hal_root} ${hal_packed} /boot/@{kernel}; then
            if unzip ${hal_packed} ${kernel_addr_r} 0x4f80000; then
                booti ${kernel_addr_r} - ${fdt_addr}
            fi
        fi
