"""Peripherals that come and go: modems, WiFi adapters, and the events that say when to look."""
