"""Writes a USB device into a tree as sysfs would list it: a folder below its hub's, and links on the bus."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

HUB = "sys/devices/platform/soc/usb1"
BUS = "sys/bus/usb/devices"
Triple = tuple[int, int, int]


def interface(number: int, triple: Triple, endpoints: Sequence[tuple[int, int]] = (), alternate: int = 0) -> bytes:
    """An interface descriptor and its endpoints, each an address and a kind (2 bulk, 3 interrupt)."""
    ends = b"".join(bytes((7, 5, address, kind, 0, 2, 0)) for address, kind in endpoints)
    return bytes((9, 4, number, alternate, len(endpoints), *triple, 0)) + ends


def configuration(value: int, *interfaces: bytes) -> bytes:
    """A configuration descriptor and what belongs to it."""
    body = b"".join(interfaces)
    count = len({each[2] for each in interfaces})
    return bytes((9, 2)) + (9 + len(body)).to_bytes(2, "little") + bytes((count, value, 0, 0xC0, 1)) + body


def device(
    vendor: int, product: int, *configurations: bytes, revision: int = 0x0102, triple: Triple = (0, 0, 0)
) -> bytes:
    """A device descriptor and its configurations: what the attribute `descriptors` holds."""
    ids = b"".join(each.to_bytes(2, "little") for each in (vendor, product, revision))
    return bytes((18, 1, 0, 2, *triple, 64)) + ids + bytes((1, 2, 0, len(configurations))) + b"".join(configurations)


def plug(
    directory: Path,
    name: str,
    descriptors: bytes,
    *,
    number: int = 5,
    chosen: int | None = 1,
    drivers: Mapping[int, str] | None = None,
    nodes: Mapping[int, Sequence[str]] | None = None,
    strings: Mapping[str, str] | None = None,
) -> None:
    """Make the device appear. `nodes` are paths below an interface's folder, as in `ttyUSB0` or `net/wwan0`."""
    from hal.backends.usb.descriptors import configurations

    folder = directory / HUB / name
    words = [int.from_bytes(descriptors[at : at + 2], "little") for at in (8, 10, 12)]
    values = dict(zip(("idVendor", "idProduct", "bcdDevice"), (f"{word:04x}" for word in words), strict=True))
    values |= {
        f"bDevice{part}": f"{descriptors[at]:02x}" for part, at in (("Class", 4), ("SubClass", 5), ("Protocol", 6))
    }
    values |= {"busnum": name.partition("-")[0], "devnum": str(number), "bNumConfigurations": str(descriptors[17])}
    values |= {"bConfigurationValue": "" if chosen is None else str(chosen), **(strings or {})}
    for each, value in values.items():
        _write(folder / each, f"{value}\n".encode())
    _write(folder / "descriptors", descriptors)
    _link(directory / BUS / name, folder)
    for offered in configurations(descriptors):
        for function in offered.functions if offered.value == chosen else ():
            if function.alternate:
                continue
            below = folder / f"{name}:{chosen}.{function.number}"
            codes = dict(
                zip(("Class", "SubClass", "Protocol"), (f"{each:02x}" for each in function.triple), strict=True)
            )
            for part, code in codes.items():
                _write(below / f"bInterface{part}", f"{code}\n".encode())
            _write(below / "bInterfaceNumber", f"{function.number:02x}\n".encode())
            _write(
                below / "modalias", (_modalias(words, descriptors, function.triple, function.number) + "\n").encode()
            )
            _link(directory / BUS / below.name, below)
            if driver := (drivers or {}).get(function.number):
                (directory / "sys/bus/usb/drivers" / driver).mkdir(parents=True, exist_ok=True)
                _link(below / "driver", directory / "sys/bus/usb/drivers" / driver)
            for node in (nodes or {}).get(function.number, ()):
                _write(below / node / "uevent", b"")


def unplug(directory: Path, name: str) -> None:
    """Make it disappear."""
    for link in (directory / BUS).glob(f"{name}*"):
        if link.name.partition(":")[0] == name:
            link.unlink()
    shutil.rmtree(directory / HUB / name)


def _modalias(words: Sequence[int], descriptors: bytes, triple: Triple, number: int) -> str:
    vendor, product, revision = words
    own, inner = descriptors[4:7], triple
    return (
        f"usb:v{vendor:04X}p{product:04X}d{revision:04X}dc{own[0]:02X}dsc{own[1]:02X}dp{own[2]:02X}"
        f"ic{inner[0]:02X}isc{inner[1]:02X}ip{inner[2]:02X}in{number:02X}"
    )


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(
        Path(
            *[".."] * (len(link.parent.parts) - len(_common(link.parent, target).parts)),
            target.relative_to(_common(link.parent, target)),
        )
    )


def _common(one: Path, other: Path) -> Path:
    return next(folder for folder in (one, *one.parents) if other.is_relative_to(folder))
