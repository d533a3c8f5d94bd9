LICENSE = "CLOSED"

NETWORK_MANAGER_PACKAGES ?= "none-was-set"
CONNECTIVITY_FIRMWARES ?= "linux-firmware-ath9k linux-firmware-ralink linux-firmware-wl12xx linux-firmware-wl18xx"
