"""The hardware: Orin modules on the carriers whose device-tree names are known.

The *module* part of a name (`p3701-000N`, `p3767-000N`, with or without `-super`) is the board. Carriers other than the
reference ones keep its name, and even the model text of another module, so only a model that names a carrier counts.
Sources: kernel device trees (mainline and L4T 36), the DTBs shipped in balena-jetson-orin 7.0.5+rev2, Jetson.GPIO
tables.
"""

from __future__ import annotations

from hal.model import Board


def _spellings(module: str, *carriers: str, super_mode: bool = False) -> tuple[str, ...]:
    """Every name of a module: on each carrier, with and without `-super`, and alone."""
    names = [f"nvidia,{carrier}+{module}" for carrier in carriers]
    return (*(f"{name}-super" for name in names if super_mode), *names, f"nvidia,{module}")


AGX_DEVKIT = Board(
    name="NVIDIA Jetson AGX Orin Developer Kit (p3701-0000)",
    compatible=_spellings("p3701-0000", "p3737-0000"),
    models=("NVIDIA Jetson AGX Orin Developer Kit",),
)
AGX_64GB = Board(
    name="NVIDIA Jetson AGX Orin 64GB (p3701-0005)",
    compatible=_spellings("p3701-0005", "p3737-0000"),
    models=("NVIDIA Jetson AGX Orin Developer Kit", "NVIDIA Jetson AGX Orin 64GB - AVerMedia D315"),
)
AGX_INDUSTRIAL = Board(
    name="NVIDIA Jetson AGX Orin Industrial (p3701-0008)",
    compatible=_spellings("p3701-0008", "p3737-0000"),
    models=("NVIDIA Jetson AGX Orin Developer Kit",),
)
NX_16GB = Board(
    name="NVIDIA Jetson Orin NX 16GB (p3767-0000)",
    compatible=_spellings("p3767-0000", "p3768-0000", "p3509-0000", super_mode=True),
)
NANO_8GB_DEVKIT = Board(
    name="NVIDIA Jetson Orin Nano 8GB Developer Kit (p3767-0005)",
    compatible=_spellings("p3767-0005", "p3768-0000", "p3509-0000", super_mode=True),
    models=(
        "NVIDIA Jetson Orin Nano Developer Kit",
        "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit",
    ),
)
NANO_8GB = Board(
    name="NVIDIA Jetson Orin Nano 8GB (p3767-0003)",
    compatible=_spellings("p3767-0003", "p3768-0000", "p3509-0000", super_mode=True),
    models=("Orin Nano 8GB for DSBOARD-ORNX-LAN", "Orin Nano 8GB Super for DSBOARD-ORNX-LAN"),
)
NANO_4GB_RECOMPUTER = Board(
    name="Seeed reComputer J3010 (p3767-0004)",
    compatible=_spellings("p3767-0004", "p3768-0000", "p3509-0000", super_mode=True),
    models=("NVIDIA Jetson Orin Nano Seeed recomputer",),
)
NANO_4GB_FORECR = Board(
    name="Forecr DSBOARD-ORNX-LAN with Orin Nano 4GB (p3767-0004)",
    compatible=_spellings("p3767-0004", "p3768-0000", "p3509-0000", super_mode=True),
    models=("Orin Nano 4GB for DSBOARD-ORNX-LAN", "Orin Nano 4GB Super for DSBOARD-ORNX-LAN"),
)
