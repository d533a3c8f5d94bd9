"""What is measured, and how high it may be: above its limit a figure fails the run, above its aim it is marked."""

from __future__ import annotations

from attrs import frozen

BOARD = "jetson-agx-orin-devkit"
FAMILY = "jetson_orin"
ROUNDS = 100
RELEASE = "scarthgap"
"""The release of Yocto whose layers are made."""
MANY = 1000
"""Further plugins of the crowded installation."""
SOME = 100
"""Further plugins where the help text is measured (case R42)."""

UNWANTED = ("difflib", "importlib.metadata", "rich", "subprocess", "hal.settings.plan", "hal.testing", "hal.tree")
"""Modules that `hal capabilities --json` has no use for."""


@frozen(kw_only=True)
class Figure:
    """A number: what it is, its unit (`x` for a ratio), and its bounds."""

    name: str
    what: str
    unit: str = "x"
    limit: float | None = None
    aim: float | None = None


FIGURES = (
    Figure(name="cold", what="hal capabilities --json / import attrs, pluggy", limit=2.0, aim=1.5),
    Figure(name="crowded", what=f"hal capabilities --json, with / without {MANY} further plugins", limit=1.05),
    Figure(name="crowded-python", what=f"import attrs, pluggy, with / without {MANY} further plugins"),
    Figure(name="crowded-imports", what=f"modules imported more with {MANY} further plugins", unit="", limit=0),
    Figure(name="unwanted-imports", what="modules imported without need", unit="", aim=0),
    Figure(name="stale", what=f"hal capabilities --json, once, with a stale index of {MANY} plugins / a current one"),
    Figure(
        name="apply",
        what="hal apply of every key of config.json, nothing to change / hal capabilities --json",
        limit=4.0,
    ),
    Figure(name="apply-all", what="hal apply, every key of config.json, everything new / hal capabilities", limit=10.0),
    Figure(name="help", what=f"hal --help with {SOME} further plugins / python -c pass", limit=10.0),
    Figure(name="image", what="hal image build of one board, a layer, cold / import attrs, pluggy", limit=25.0),
    Figure(name="images", what="the layers of every device type, one process / one of them, cold", limit=10.0),
    Figure(name="open-shared", what="Device.open in a running process, shared catalog", unit="ms", aim=3.0),
    Figure(name="open-fresh", what="Device.open in a running process, fresh catalog", unit="ms", aim=3.0),
    Figure(
        name="hotplug-event",
        what="an event about one of 10 USB devices, from hearing it to the new view / reading all of them",
        limit=0.3,
    ),
    Figure(name="usb-device", what="reading a USB device with four interfaces", unit="ms"),
    Figure(name="modem-models", what="recognising a modem, with 1000 known models / with 6", limit=1.2),
    Figure(
        name="modem-ready",
        what="a switched stick until its ports are named, in a guest / usb_modeswitch and a wait of 5 s",
        limit=0.5,
    ),
    Figure(name="size", what="installed: core, one family, attrs, click, pluggy, and byte code", unit="MB", limit=6.0),
    Figure(name="size-source", what="the same without byte code", unit="MB"),
)
