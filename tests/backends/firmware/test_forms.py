"""The forms of firmware files: a whole one is whole, and any change of it is seen."""

from __future__ import annotations

import pytest
from backends.firmware.files import ralink, trx
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.firmware.forms import FORMS, crc_ccitt, look
from hal.model import FirmwareForm

WHOLE = {FirmwareForm.TRX: trx(), FirmwareForm.RALINK: ralink()}


def test_every_form_has_a_checker_and_a_whole_example() -> None:
    assert set(FORMS) == set(WHOLE) == set(FirmwareForm)


def test_whole_files_tell_their_version() -> None:
    assert look(FirmwareForm.TRX, trx()).version == "6.10.198.66 FWID 01-e976bb95"
    assert look(FirmwareForm.TRX, trx(b"no version")) == look(None, b"")
    assert look(FirmwareForm.RALINK, ralink()).version == "0.36"
    assert look(FirmwareForm.RALINK, ralink(parts=3, version=(1, 2))).version == "1.2"


def test_the_checksum_is_the_one_that_the_kernel_calls_crc_ccitt() -> None:
    """The check value of this CRC (CRC-16/MCRF4XX) for the digits 1 to 9."""
    assert crc_ccitt(b"123456789") == 0x6F91


DAMAGED: dict[str, tuple[FirmwareForm, bytes, str]] = {
    "a page of HTML": (FirmwareForm.TRX, b"<!DOCTYPE html><html>not found</html>", "begins with b'<!DO'"),
    "a start of a header": (FirmwareForm.TRX, trx()[:15], "less than a header"),
    "cut": (FirmwareForm.TRX, trx()[:-1], "the header says"),
    "one byte more": (FirmwareForm.TRX, trx() + b"\0", "the header says"),
    "another byte": (FirmwareForm.TRX, trx()[:-1] + b"x", "the bytes have"),
    "an image for SDIO": (FirmwareForm.TRX, trx(flags=0x10000), "not marked as an image for USB"),
    "empty": (FirmwareForm.RALINK, b"", "no whole number of parts"),
    "one part": (FirmwareForm.RALINK, ralink(parts=1), "only the part for older chips"),
    "cut in the second part": (FirmwareForm.RALINK, ralink()[:8000], "no whole number of parts"),
    "the first part": (FirmwareForm.RALINK, b"x" + ralink()[1:], "part 1 of 2"),
    "the second part": (FirmwareForm.RALINK, ralink()[:5000] + b"x" + ralink()[5001:], "part 2 of 2"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_told(case: str) -> None:
    form, data, told = DAMAGED[case]
    seen = look(form, data)
    assert told in seen.problem
    assert seen.version == ""


@given(st.sampled_from(FirmwareForm), st.data())
def test_one_bit_anywhere_is_seen(form: FirmwareForm, data: st.DataObject) -> None:
    whole = WHOLE[form]
    at = data.draw(st.integers(0, len(whole) - 1))
    flipped = bytearray(whole)
    flipped[at] ^= 1 << data.draw(st.integers(0, 7))
    assert look(form, bytes(flipped)).problem


@given(st.sampled_from(FirmwareForm), st.data())
def test_a_cut_anywhere_is_seen(form: FirmwareForm, data: st.DataObject) -> None:
    assert look(form, WHOLE[form][: data.draw(st.integers(0, len(WHOLE[form]) - 1))]).problem


@given(st.sampled_from(FirmwareForm), st.binary(max_size=9000))
def test_any_bytes_are_judged(form: FirmwareForm, data: bytes) -> None:
    assert look(form, data).problem


@given(st.binary(max_size=300))
def test_any_body_makes_a_whole_file(body: bytes) -> None:
    assert look(FirmwareForm.TRX, trx(body)).problem == ""
