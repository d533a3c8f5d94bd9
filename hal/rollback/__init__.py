"""Rollback: an explicit state machine around an OS update, at home in the state partition.

`phases` says how far an update is, from the bootloader's state, the breadcrumbs and the record; `machine` has one entry
for each service that balenaOS starts: `altboot` early at boot, `health` when services are up, `shutdown` on the way
down; `update` carries an update from its first step to the switch. A power cut may interrupt any of them: each can be
run again, and finds its place.
"""
