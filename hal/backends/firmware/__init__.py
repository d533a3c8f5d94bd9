"""Firmware files that a driver asks for: where the kernel looks, what it takes, and whether the bytes are sound."""
