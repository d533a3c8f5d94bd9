"""Fan controllers EMC2301, EMC2302, EMC2303 and EMC2305, where no kernel driver holds them.

They measure no temperature: somebody tells each fan its duty. Since nobody may be there any more to do so, the chip's
watchdog is armed: without any transfer for four seconds it drives every fan at full speed, also when the program was
killed or the system hangs.

Sources: Linux emc2305 driver documentation, data sheet of the EMC2301 (configuration 0x20, watchdog).
"""

from __future__ import annotations

from attrs import frozen

from hal.backends.i2c import Bus, transfers
from hal.errors import HalError, NotApplied
from hal.record import Record

WATCHDOG_SECONDS = 4.0
FULL = 255

VENDOR, VENDOR_ID = 0xFE, 0x5D
PRODUCT = 0xFD
CONFIGURATION, WATCHDOG = 0x20, 0x20
"""The register, and its bit WD_EN."""
SPACING = 0x10
"""From the registers of one fan to those of the next."""
DRIVE, FAN_CONFIGURATION, MINIMUM, TACH_HIGH, TACH_LOW = 0x30, 0x32, 0x38, 0x3E, 0x3F
"""Of the first fan. The tachometer's 13 bits stand on the left of its two."""
CLOSED_LOOP = 0x80
"""Bit EN_ALGO of a fan's configuration: the chip then regulates speed, and the drive register does not count."""
TACH_SHIFT, TACH_NUMERATOR, SLOWEST_RPM = 3, 3_932_160 * 2, 480
TACH_FULL = 0x1FFF
"""A count at its end: the fan is slower than can be measured, or stands still. The kernel's driver shows 960 rpm."""


@frozen(kw_only=True, repr=False, eq=False)
class Product(Record):
    """One chip of the family: its number in the product register, and how many fans it drives."""

    name: str
    number: int
    fans: int


PRODUCTS = (
    Product(name="EMC2305", number=0x34, fans=5),
    Product(name="EMC2303", number=0x35, fans=3),
    Product(name="EMC2302", number=0x36, fans=2),
    Product(name="EMC2301", number=0x37, fans=1),
)


class Emc230x:
    """One chip on an open bus. Fans are numbered from 0. Every method may raise `HalError`."""

    def __init__(self, bus: Bus, address: int, *, where: str) -> None:
        self._bus = bus
        self._address = address
        self._where = f"{where} address 0x{address:02x}"
        self.product = self._identify()

    def drive(self, fan: int) -> int:
        """The duty, 0 to 255."""
        return self._read(DRIVE + SPACING * fan)

    def set_drive(self, fan: int, duty: int) -> None:
        """Set the duty, and read it back. Raises `NotApplied`.

        A watchdog that was triggered holds full speed until it is turned off, so it is armed anew before a second try.
        """
        self._write(DRIVE + SPACING * fan, duty)
        if self.drive(fan) != duty:
            self._arm()
            self._write(DRIVE + SPACING * fan, duty)
        found = self.drive(fan)
        if found != duty:
            raise NotApplied(f"{self._where}: fan {fan} reads back duty {found} instead of {duty}", path=self._where)

    def rpm(self, fan: int) -> int:
        """The speed of a fan with two poles; 0 for what is too slow to be told from standing still."""
        word = self._read(TACH_HIGH + SPACING * fan) << 8 | self._read(TACH_LOW + SPACING * fan)
        count = word >> TACH_SHIFT
        rpm = TACH_NUMERATOR // count if 0 < count < TACH_FULL else 0
        return rpm if rpm > SLOWEST_RPM else 0

    def take_over(self, minimum: int) -> None:
        """Make the drive registers count, with this least duty, and arm the watchdog."""
        for fan in range(self.product.fans):
            own = self._read(FAN_CONFIGURATION + SPACING * fan)
            if own & CLOSED_LOOP:
                self._set(FAN_CONFIGURATION + SPACING * fan, own & ~CLOSED_LOOP)
            self._set(MINIMUM + SPACING * fan, minimum)
        self._arm()

    def _arm(self) -> None:
        """Turn the watchdog off, which ends what it holds, and on."""
        own = self._read(CONFIGURATION)
        if own & WATCHDOG:
            self._set(CONFIGURATION, own & ~WATCHDOG)
        self._set(CONFIGURATION, own | WATCHDOG)

    def _identify(self) -> Product:
        """What answers at this address. Anything else than a chip of the family is left alone."""
        vendor = self._read(VENDOR)
        product = self._read(PRODUCT) if vendor == VENDOR_ID else None
        found = next((each for each in PRODUCTS if each.number == product), None)
        if found is None:
            told = f"vendor 0x{vendor:02x}" + ("" if product is None else f" and product 0x{product:02x}")
            known = ", ".join(f"0x{each.number:02x} ({each.name})" for each in PRODUCTS)
            raise HalError(
                f"{self._where}: answers {told}; vendor 0x{VENDOR_ID:02x} and one of {known} is expected",
                path=self._where,
            )
        return found

    def _set(self, register: int, value: int) -> None:
        self._write(register, value)
        found = self._read(register)
        if found != value:
            raise NotApplied(
                f"{self._where}: register 0x{register:02x} reads back 0x{found:02x} instead of 0x{value:02x}; it may "
                "be locked until the chip is without power",
                path=self._where,
            )

    def _read(self, register: int) -> int:
        with transfers(self._where):
            return self._bus.read_byte_data(self._address, register)

    def _write(self, register: int, value: int) -> None:
        with transfers(self._where):
            self._bus.write_byte_data(self._address, register, value)
