"""Boot configuration: one module for each file or store that the firmware reads before the kernel runs.

Parsers are functions on bytes and keep what they do not understand. A change edits the lines of its own keys and is
written whole or not at all. Which store a device type has is data of the plugins.
"""
