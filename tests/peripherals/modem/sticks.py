"""USB devices that the tests plug into a tree: modems of the table in each state, and devices that are none."""

from __future__ import annotations

from backends.usb.sysfs import configuration, device, interface

BULK, INTERRUPT = 2, 3
PAIR = [(0x81, BULK), (0x01, BULK)]
STORAGE = interface(0, (8, 6, 0x50), PAIR)


def storage(vendor: int, product: int, first: tuple[int, int, int] = (8, 6, 0x50)) -> bytes:
    return device(vendor, product, configuration(1, interface(0, first, PAIR)))


def functions(vendor: int, product: int, *triples: tuple[int, int, int], ends: dict[int, int] | None = None) -> bytes:
    """A device of one configuration, with these interfaces; each has three endpoints, or as many as `ends` says."""
    three = [(0x80, INTERRUPT), (0x81, BULK), (0x01, BULK)]
    listed = [interface(number, triple, three[: (ends or {}).get(number, 3)]) for number, triple in enumerate(triples)]
    return device(vendor, product, configuration(1, *listed))


HUAWEI_A = functions(0x12D1, 0x1506, (0xFF, 3, 0x10), (0xFF, 3, 0x12), (0xFF, 3, 0x16), (8, 6, 0x50), (8, 6, 0x50))
HUAWEI_B = functions(0x12D1, 0x1506, (0xFF, 3, 0x12), (0xFF, 3, 0x16), (8, 6, 0x50))
HUAWEI_D = functions(
    0x12D1, 0x1506, (0xFF, 1, 1), (0xFF, 1, 9), (0xFF, 1, 8), (0xFF, 1, 3), (0xFF, 1, 2), (8, 6, 0x50), (8, 6, 0x50)
)
ME909S = device(
    0x12D1,
    0x15C1,
    configuration(1, interface(0, (0xFF, 2, 0x12)), interface(1, (0xFF, 2, 0x16))),
    configuration(
        2,
        interface(0, (2, 6, 0)),
        interface(1, (0x0A, 0, 0)),
        *(interface(2 + place, (0xFF, 2, each)) for place, each in enumerate((0x10, 0x13, 0x12, 0x14))),
    ),
    configuration(3, interface(0, (2, 0x0E, 0)), interface(1, (0x0A, 0, 2)), interface(2, (0xFF, 6, 0x14))),
    triple=(0, 0, 0xFF),
)
_FOUR = ((0xFF, 0xFF, 0xFF), (0xFF, 0, 0), (0xFF, 0, 0), (0xFF, 0, 0))
EC20_QMI = functions(0x2C7C, 0x0125, *_FOUR, (0xFF, 0xFF, 0xFF), ends={0: 2})
EC20_ECM = functions(0x2C7C, 0x0125, *_FOUR, (2, 6, 0), (0x0A, 0, 0), ends={0: 2})
EC20_R1 = functions(0x05C6, 0x9215, *[(0xFF, 0xFF, 0xFF)] * 5)
SIM7600_9001 = functions(0x1E0E, 0x9001, *_FOUR, (0xFF, 0, 0), (0xFF, 0xFF, 0xFF))
SIM7600_9011 = functions(0x1E0E, 0x9011, (2, 2, 0xFF), (0x0A, 0, 0), (0xFF, 0xFF, 0xFF), *[(0xFF, 0, 0)] * 4)
TOBY_RNDIS = functions(0x1546, 0x1146, (0xE0, 1, 3), (0x0A, 0, 0), (2, 2, 1), (0x0A, 0, 0))
TOBY_ECM = functions(0x1546, 0x1143, (2, 6, 0), (0x0A, 0, 0), *[(2, 2, 1), (0x0A, 0, 0)] * 3)
HILINK = functions(0x12D1, 0x14DC, (2, 6, 0), (0x0A, 0, 0))

SECURITY_KEY = functions(0x0483, 0xA2CA, (2, 2, 1), (0x0A, 0, 0), (3, 0, 0))
ARDUINO = functions(0x2341, 0x0043, (2, 2, 1), (0x0A, 0, 0))
MEMORY_STICK = storage(0x0781, 0x5567)
SERIAL_ADAPTER = functions(0x0403, 0x6001, (0xFF, 0xFF, 0xFF))
OTHERS = {
    "security key": SECURITY_KEY,
    "Arduino": ARDUINO,
    "memory stick": MEMORY_STICK,
    "serial adapter": SERIAL_ADAPTER,
    "GNSS receiver of a modem's maker": functions(0x1546, 0x01A8, (2, 2, 1), (0x0A, 0, 0)),
    "phone of a modem's maker": functions(0x12D1, 0x107E, (6, 1, 1)),
}
"""Devices that are no modems; several have serial ports."""
