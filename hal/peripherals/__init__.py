"""Peripherals that come and go: which are present, what they are, and who is told when that changes.

The set of devices is computed from sysfs (`view`). Events of the kernel and of udev (`udev`) only say when to look
again (`schedule`), so that a lost one costs nothing but a look (`hotplug`). Why so is decision 0022. What the devices
are for is in `modem` and `wifi`.
"""
