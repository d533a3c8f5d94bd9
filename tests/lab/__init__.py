"""Real bootloaders in QEMU: disks to boot from, kernels that only say who they are, and the loaders themselves."""
