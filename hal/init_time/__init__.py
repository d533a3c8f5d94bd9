"""The boot-time clock chain as one explicit decision: build time, saved time, clocks, HTTPS date, NTP.

`evidence` and `decision` are pure; `files`, `clocks`, `https` and `ntp` are the sources; `chain` asks them, decides,
and puts the decision into effect. Why the sources stand in this order is decision 0017.
"""
