"""Power modes of the running kernel: which files of sysfs make `low`, `mid` and `high`, and how they are set."""
