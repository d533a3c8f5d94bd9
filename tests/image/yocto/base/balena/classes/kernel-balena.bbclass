BALENA_CONFIGS ?= " balena systemd"
BALENA_CONFIGS[balena] = "CONFIG_X=y"
python do_kernel_resin_injectconfig () {
    pass
}
addtask kernel_resin_injectconfig after do_configure before do_compile
do_kernel_resin_injectconfig[vardeps] += "BALENA_CONFIGS"
