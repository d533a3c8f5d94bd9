"""The boards: how each piece of hardware names itself in the root node of its device tree.

Strings are those of the Linux binding `arm/bcm/bcm2835.yaml` and of the mainline and raspberrypi/linux device trees;
the `kunbus,` names are those the piControl driver knows. The firmware appends a revision to `model` (`… Rev 1.4`) and
writes "Plus" where the device tree has "+", so a model is a prefix, and some boards have two.
"""

from __future__ import annotations

from hal.model import Board

PI_A = Board(
    name="Raspberry Pi Model A",
    compatible=("raspberrypi,model-a",),
    models=("Raspberry Pi Model A",),
)
PI_A_PLUS = Board(
    name="Raspberry Pi Model A+",
    compatible=("raspberrypi,model-a-plus",),
    models=("Raspberry Pi Model A+",),
)
PI_B_REV1 = Board(
    name="Raspberry Pi Model B rev1",
    # The second is the early board without the P5 header.
    compatible=("raspberrypi,model-b", "raspberrypi,model-b-i2c0"),
    models=("Raspberry Pi Model B",),
)
PI_B_REV2 = Board(
    name="Raspberry Pi Model B rev2",
    compatible=("raspberrypi,model-b-rev2",),
    models=("Raspberry Pi Model B rev2",),
)
PI_B_PLUS = Board(
    name="Raspberry Pi Model B+",
    compatible=("raspberrypi,model-b-plus",),
    models=("Raspberry Pi Model B+",),
)
PI_ZERO = Board(
    name="Raspberry Pi Zero",
    compatible=("raspberrypi,model-zero",),
    models=("Raspberry Pi Zero",),
)
PI_ZERO_W = Board(
    name="Raspberry Pi Zero W",
    compatible=("raspberrypi,model-zero-w",),
    models=("Raspberry Pi Zero W",),
)
CM1 = Board(
    name="Raspberry Pi Compute Module 1",
    compatible=("raspberrypi,compute-module",),
)
PI_2_B = Board(
    name="Raspberry Pi 2 Model B",
    compatible=("raspberrypi,2-model-b",),
    models=("Raspberry Pi 2 Model B",),
)
PI_3_A_PLUS = Board(
    name="Raspberry Pi 3 Model A+",
    # balenaOS carries no device tree of its own for it: with that of the 3 Model B+ only the model may tell.
    compatible=("raspberrypi,3-model-a-plus", "raspberrypi,3-model-b-plus"),
    models=("Raspberry Pi 3 Model A+", "Raspberry Pi 3 Model A Plus"),
)
PI_3_B = Board(
    name="Raspberry Pi 3 Model B",
    compatible=("raspberrypi,3-model-b",),
    models=("Raspberry Pi 3 Model B",),
)
PI_3_B_PLUS = Board(
    name="Raspberry Pi 3 Model B+",
    compatible=("raspberrypi,3-model-b-plus",),
    models=("Raspberry Pi 3 Model B+", "Raspberry Pi 3 Model B Plus"),
)
CM3 = Board(
    name="Raspberry Pi Compute Module 3",
    compatible=("raspberrypi,3-compute-module",),
    models=("Raspberry Pi Compute Module 3",),
)
CM3_LITE = Board(
    name="Raspberry Pi Compute Module 3 Lite",
    compatible=("raspberrypi,3-compute-module-lite",),
    models=("Raspberry Pi Compute Module 3",),
)
PI_ZERO_2_W = Board(
    name="Raspberry Pi Zero 2 W",
    compatible=("raspberrypi,model-zero-2-w",),
    models=("Raspberry Pi Zero 2 W",),
)
PI_4_B = Board(
    name="Raspberry Pi 4 Model B",
    compatible=("raspberrypi,4-model-b",),
    models=("Raspberry Pi 4 Model B",),
)
PI_400 = Board(
    name="Raspberry Pi 400",
    compatible=("raspberrypi,400",),
    models=("Raspberry Pi 400",),
)
CM4 = Board(
    name="Raspberry Pi Compute Module 4",
    compatible=("raspberrypi,4-compute-module",),
    models=("Raspberry Pi Compute Module 4",),
)
CM4S = Board(
    name="Raspberry Pi Compute Module 4S",
    compatible=("raspberrypi,4-compute-module-s",),
    models=("Raspberry Pi Compute Module 4S",),
)
PI_5_B = Board(
    name="Raspberry Pi 5 Model B",
    compatible=("raspberrypi,5-model-b",),
    # The device tree says "Raspberry Pi 5", the firmware "Raspberry Pi 5 Model B Rev …".
    models=("Raspberry Pi 5",),
)
PI_500 = Board(
    name="Raspberry Pi 500",
    compatible=("raspberrypi,500",),
    models=("Raspberry Pi 500",),
)
CM5 = Board(
    name="Raspberry Pi Compute Module 5 or 5 Lite",
    compatible=("raspberrypi,5-compute-module",),
    models=("Raspberry Pi Compute Module 5",),
)
REVPI_CONNECT = Board(
    name="Revolution Pi Connect",
    # Added to the compute module's own names by the board's overlay or HAT, as is the next.
    compatible=("kunbus,revpi-connect",),
)
REVPI_CONNECT_4 = Board(
    name="Revolution Pi Connect 4",
    compatible=("kunbus,revpi-connect4",),
)
