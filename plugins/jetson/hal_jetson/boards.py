"""The pieces of hardware, by the names in their device trees.

L4T 32.x and mainline name the same board differently, and L4T names some boards alike that differ in storage or
carrier. A name that several boards show is one row here, listed by every device type that may run behind it.
"""

from __future__ import annotations

from hal.model import Board

TX1 = Board(
    name="NVIDIA Jetson TX1 Developer Kit",
    compatible=("nvidia,p2371-2180",),
    models=("NVIDIA Jetson TX1 Developer Kit",),
)

TX2_QUILL = Board(name="Jetson TX2 (Quill)", compatible=("nvidia,quill",), models=("quill",))
"""What L4T calls the developer kit and blackboard, and also the carriers of CTI and the Aetina N510, these with
`nvidia,p2597-0000+p3310-1000` behind it. That fallback tells no carrier from another, so it is no board's name here."""
TX2_DEVKIT = Board(
    name="NVIDIA Jetson TX2 Developer Kit",
    compatible=("nvidia,p2771-0000", "nvidia,p2771-0888", "nvidia,p3489-0000", "nvidia,storm"),
    models=("NVIDIA Jetson TX2 Developer Kit",),
)
TX2_LIGHTNING = Board(name="Jetson TX2 (Lightning)", compatible=("nvidia,lightning",), models=("lightning",))
"""The Aetina N310 in its own device tree; Jetson.GPIO accepts the name for a TX2 of any carrier."""
TX2_NX = Board(
    name="NVIDIA Jetson TX2 NX on the Xavier NX carrier",
    compatible=("nvidia,p3509-0000+p3636-0001",),
    models=("lanai-3636",),
)

NANO_SD = Board(
    name="NVIDIA Jetson Nano Developer Kit",
    compatible=("nvidia,p3449-0000-b00+p3448-0000-b00", "nvidia,p3450-0000"),
    models=("NVIDIA Jetson Nano Developer Kit",),
)
NANO_EMMC = Board(
    name="NVIDIA Jetson Nano module with eMMC",
    compatible=("nvidia,p3449-0000-b00+p3448-0002-b00",),
    models=("NVIDIA Jetson Nano Developer Kit",),
)
NANO_P3450_0002 = Board(name="NVIDIA Jetson Nano (p3450-0002)", compatible=("nvidia,p3450-0002",))
NANO_ANY = Board(
    name="NVIDIA Jetson Nano, module not told",
    compatible=("nvidia,jetson-nano",),
    models=("NVIDIA Jetson Nano Developer Kit",),
)
"""A carrier whose device tree leaves the module out, such as CTI's NGX003: SD card or eMMC."""
NANO_2GB = Board(
    name="NVIDIA Jetson Nano 2GB Developer Kit",
    compatible=("nvidia,p3542-0000+p3448-0003", "nvidia,jetson-nano-2gb", "nvidia,p3541-0000"),
    models=("NVIDIA Jetson Nano 2GB Developer Kit",),
)

AGX_DEVKIT = Board(
    name="NVIDIA Jetson AGX Xavier Developer Kit",
    compatible=("nvidia,p2972-0000", "nvidia,p2972-0006"),
    models=("NVIDIA Jetson AGX Xavier Developer Kit",),
)
AGX_GALEN = Board(
    name="Jetson AGX Xavier (Galen)",
    compatible=("nvidia,galen", "nvidia,p2822-0000+p2888-0001"),
    models=("Jetson-AGX",),
)
"""So the device tree of the NRU120 begins."""
AGX_ANY = Board(
    name="Jetson AGX Xavier, carrier not told", compatible=("nvidia,jetson-xavier",), models=("jetson-xavier",)
)
"""So the device tree of CTI's AGX101 begins."""
AGX_INDUSTRIAL = Board(
    name="Jetson AGX Xavier Industrial",
    compatible=("nvidia,galen-industrial", "nvidia,jetson-xavier-industrial"),
)

XAVIER_NX = Board(
    name="NVIDIA Jetson Xavier NX Developer Kit, storage not told",
    compatible=("nvidia,p3449-0000+p3668-0000", "nvidia,p3449-0000+p3668-0001"),
    models=("NVIDIA Jetson Xavier NX Developer Kit",),
)
"""L4T lists the SD card and the eMMC module together, the SD card first, whichever is fitted."""
XAVIER_NX_SD = Board(
    name="NVIDIA Jetson Xavier NX Developer Kit with SD card",
    compatible=("nvidia,p3509-0000+p3668-0000",),
    models=("NVIDIA Jetson Xavier NX Developer Kit",),
)
XAVIER_NX_EMMC = Board(
    name="NVIDIA Jetson Xavier NX Developer Kit with eMMC",
    compatible=("nvidia,p3509-0000+p3668-0001",),
    models=("NVIDIA Jetson Xavier NX Developer Kit (eMMC)",),
)
