"""Modems: which ones are known, which are present, what each port is for, and how one gets into the wanted mode."""
