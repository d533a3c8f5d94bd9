"""Fans: pwm outputs of hwmon, controllers without a kernel driver, and the curve by which those are regulated."""
