"""AT commands to modems: the channel over a serial port, the table of commands, and what a modem tells of itself."""
