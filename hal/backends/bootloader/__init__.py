"""The bootloaders: one module for each file format, selection rule and back end.

A back end keeps all that decides a boot in one disk sector and changes it in place, so that a power cut leaves the old
or the new decision. `docs/reliability.md` has the proof, and what each format allows.
"""
