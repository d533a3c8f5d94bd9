"""The messages that many makers' devices share, by the names that usb_modeswitch gave them.

Sources: usb_modeswitch 2.6.1 (bytes of the bulk messages) and 2.4.0 (control requests); `tests/lab` compares what this
table sends with what the program sends.
"""

from __future__ import annotations

from collections.abc import Mapping

from hal.model import AwaitReturn, BulkMessages, ControlRequest, Report, Requests, ScsiEject, Step

HUAWEI_NEW = "55534243123456780000000000000011062000000101000100000000000000"
"""What every Huawei stick since about 2010 takes: leave the storage mode, for a Linux host."""
HUAWEI_ALTERNATIVE = "55534243123456780000000000000011063000000000010000000000000000"
_OPTION = "55534243123456780000000000000601000000000000000000000000000000"

EJECT = (
    "5553424387654321000000000000061e000000000000000000000000000000",
    "5553424397654321000000000000061b000000020000000000000000000000",
    "5553424387654321000000000001061e000000000000000000000000000000",
    "5553424397654321000000000001061b000000020000000000000000000000",
)
"""Allow medium removal, then start-stop unit with eject; logical unit 0, then 1."""

_CISCO = (
    "55534243f83bcd810002000080000afd000000030000000100000000000000",
    "55534243984300820002000080000afd000000070000000100000000000000",
    "55534243984300820000000000000afd000100071000000000000000000000",
    "55534243984300820002000080000afd000200230000000100000000000000",
    "55534243984300820000000000000afd000300238200000000000000000000",
    "55534243984300820002000080000afd000200260000000100000000000000",
    "55534243984300820000000000000afd00030026c800000000000000000000",
    "55534243d84c04820002000080000afd000010730000000100000000000000",
    "55534243d84c04820002000080000afd000200240000000100000000000000",
    "55534243d84c04820000000000000afd000300241300000000000000000000",
    "55534243d84c04820000000000000afd000110732400000000000000000000",
)

# Request types: who defines it (standard 00, class 20, vendor 40), for whom (device 00, interface 01), IN 80.
_STANDARD, _VENDOR, _VENDOR_IN, _CLASS_INTERFACE, _CLASS_INTERFACE_IN = 0x00, 0x40, 0xC0, 0x21, 0xA1
_SONY = Requests(
    transfers=(ControlRequest(request_type=_VENDOR_IN, request=0x11, value=2, length_bytes=3),), detach=True
)


def _reports() -> tuple[ControlRequest | Report, ...]:
    """The serial cable of MobileAction: recorded from its Windows driver; what it means is not known."""
    opening = ControlRequest(request_type=_CLASS_INTERFACE, request=0x09, value=0x0300, data="b004000002902686")

    def said(data: str, reads: int = 1) -> tuple[Report, Report]:
        return Report(endpoint=0x02, data=data), Report(endpoint=0x81, length_bytes=8, times=reads)

    def round_of(reads: int) -> tuple[Report, ...]:
        return (*said("3701fedbc1331f83"), *said("370eb59d3b8a9151"), *said("3487ba0dfc8a9151", reads))

    return (
        opening,
        opening,
        Report(endpoint=0x81, length_bytes=8, times=2),
        *round_of(63),
        *round_of(73),
        *said("3304fe00f46c1ff0"),
        *said("3207fef029b93af0"),
    )


def pantech(value: int) -> tuple[Step, ...]:
    """Value 1: the device switches by itself; 2 chooses RNDIS, 4 QMI."""
    if value <= 1:
        return (AwaitReturn(),)
    return (Requests(transfers=(ControlRequest(request_type=_VENDOR, request=0x70, value=value),), detach=True),)


MODES: Mapping[str, tuple[Step, ...]] = {
    "StandardEject": (ScsiEject(),),
    "HuaweiNewMode": (BulkMessages(messages=(HUAWEI_NEW,)),),
    "HuaweiAltMode": (BulkMessages(messages=(HUAWEI_ALTERNATIVE,)),),
    "OptionMode": (BulkMessages(messages=(_OPTION,)),),
    "CiscoMode": (BulkMessages(messages=_CISCO, release_seconds=2),),
    "HuaweiMode": (Requests(transfers=(ControlRequest(request_type=_STANDARD, request=0x03, value=1),)),),
    "SierraMode": (Requests(transfers=(ControlRequest(request_type=_VENDOR, request=0x0B, value=1),), optional=True),),
    "GCTMode": (
        Requests(
            transfers=(
                ControlRequest(request_type=_CLASS_INTERFACE_IN, request=0xA0, length_bytes=1),
                ControlRequest(request_type=_CLASS_INTERFACE_IN, request=0xFE, length_bytes=1),
            ),
            detach=True,
            optional=True,
        ),
    ),
    "KobilMode": (
        Requests(transfers=(ControlRequest(request_type=_VENDOR_IN, request=0x88, length_bytes=8),), detach=True),
    ),
    "QisdaMode": (
        Requests(
            transfers=(ControlRequest(request_type=_VENDOR, request=0x04, data="058c0408a0ee20005c01040898cdeabf"),)
        ),
    ),
    "QuantaMode": (Requests(transfers=(ControlRequest(request_type=_VENDOR_IN, request=0xFF),)),),
    "BlackberryMode": (
        Requests(
            transfers=(
                ControlRequest(request_type=_VENDOR_IN, request=0xB1, length_bytes=8),
                ControlRequest(request_type=_VENDOR_IN, request=0xA9, value=0x0E, length_bytes=2),
            ),
            detach=True,
        ),
    ),
    "SequansMode": (Requests(transfers=(ControlRequest(request_type=_VENDOR, request=0x0B, value=2),)),),
    "MobileActionMode": (Requests(transfers=_reports(), optional=True),),
    "SonyMode": (_SONY, AwaitReturn(), _SONY),
}
"""The special modes of usb_modeswitch's entries; PantechMode has a value, see `pantech`."""
