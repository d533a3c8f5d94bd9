"""The boards: how each piece of hardware names itself in the root node of its device tree.

Most of these boards list their relatives behind their own name, down to `ti,am335x-bone`, which every one of them
shares with boards of other makers. So only a board's own name stands here. Names that begin `beagle,am335x` and
`seeed,` are those of the renaming proposed for mainline Linux, which drops the relatives.
"""

from __future__ import annotations

from hal.model import Board

BLACK = Board(
    name="BeagleBone Black",
    compatible=("ti,am335x-bone-black", "beagle,am335x-bone-black"),
    models=("TI AM335x BeagleBone Black",),
)
GREEN = Board(
    name="BeagleBone Green",
    compatible=("ti,am335x-bone-green", "seeed,am335x-bone-green"),
    models=("TI AM335x BeagleBone Green",),
)
GREEN_WIRELESS = Board(
    name="BeagleBone Green Wireless",
    compatible=("ti,am335x-bone-green-wireless", "seeed,am335x-bone-green-wireless"),
    models=("TI AM335x BeagleBone Green Wireless",),
)
POCKETBEAGLE = Board(
    name="PocketBeagle",
    compatible=("ti,am335x-pocketbeagle", "beagle,am335x-pocketbeagle"),
    models=("TI AM335x PocketBeagle",),
)
AI64 = Board(
    name="BeagleBone AI-64",
    compatible=("beagle,j721e-beagleboneai64",),
    models=("BeagleBoard.org BeagleBone AI-64",),
)
BEAGLEBOARD_XM = Board(
    name="BeagleBoard-xM",
    compatible=("ti,omap3-beagle-xm",),
    models=("TI OMAP3 BeagleBoard xM",),
)
BEAGLEPLAY = Board(
    name="BeaglePlay",
    compatible=("beagle,am625-beagleplay",),
    models=("BeagleBoard.org BeaglePlay",),
)
