"""USB: descriptors, and the devices that sysfs lists."""
