        if load ${devtype} ${devnum}:${hal_root} ${kernel_addr_r} /boot/@{kernel}; then
            booti ${kernel_addr_r} - ${fdt_addr}
        fi
