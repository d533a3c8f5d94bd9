"""U-Boot's text and image: tables of what `env import -t` does, damage, and what `fw_printenv` says."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.bootloader import uenv
from hal.errors import Damaged, HalError, ValueRefused

TEXTS = [
    (b"", {}),
    (b"a=1", {"a": "1"}),
    (b"a=1\n", {"a": "1"}),
    (b"resin_root_part=1a\nupgrade_available=0\n", {"resin_root_part": "1a", "upgrade_available": "0"}),
    (b"bootcount=1\n\0", {"bootcount": "1"}),
    (b"bootcount=2", {"bootcount": "2"}),
    (b"a=1\r\n", {"a": "1\r"}),
    (b"  \ta=1\n", {"a": "1"}),
    (b"#a=1\nb=2\n", {"b": "2"}),
    (b"  # a=1\nb=2\n", {"b": "2"}),
    (b"a=1\na=2\n", {"a": "2"}),
    (b"a=1\na=\n", {"a": None}),
    (b"a=1\na\n", {"a": None}),
    (b"a\n", {"a": None}),
    (b"a=b=c\n", {"a": "b=c"}),
    (b"a=b\\=c\\\\d\n", {"a": "b=c\\d"}),
    (b"a=b\\\nc\n", {"a": "b\nc"}),
    (b"a=1 \n", {"a": "1 "}),
    (b"a =1\n", {"a ": "1"}),
    (b"a=1\n\0b=2\n", {"a": "1"}),
    (b"a=1\0\0b=2\n", {"a": "1"}),
    (b"a=1\0b=2\n", {"a": "1", "b": "2"}),  # a NUL that ends a value is stepped over like a newline
    (b"a=1\n\n\n\n", {"a": "1"}),
    (b"a=1\n\n\nb=2\n", {"a": "1", "b": "2"}),
    (b"a=\xff\n", {"a": "\udcff"}),
    (b"\xff" * 20, {"\udcff" * 20: None}),
]


@pytest.mark.parametrize(("data", "values"), TEXTS)
def test_a_text_means_what_it_means_to_u_boot(data: bytes, values: dict[str, str | None]) -> None:
    assert uenv.import_text(data) == (values, True)


def test_a_line_without_a_name_ends_the_import_with_an_error() -> None:
    assert uenv.import_text(b"a=1\n=2\nb=3\n") == ({"a": "1"}, False)


@pytest.mark.parametrize("value", ["2", "1a", "", "x y", "=", "\\"])
def test_a_written_text_fills_one_sector_and_reads_back(value: str) -> None:
    values = {"resin_root_part": value, "upgrade_available": "1"}
    if value in ("", "\\"):
        with pytest.raises(ValueRefused):
            uenv.text(values)
        return
    data = uenv.text(values)
    assert len(data) == 512
    assert data.startswith(f"resin_root_part={value}\nupgrade_available=1\n".encode())
    assert set(data[data.index(b"\n\n") :]) == {10}
    assert uenv.import_text(data).values == values


def test_a_text_that_is_too_long_is_refused() -> None:
    assert len(uenv.text({"a": "x" * 509})) == 512
    with pytest.raises(ValueRefused):
        uenv.text({"a": "x" * 510})


def test_an_image_is_a_checksum_and_texts() -> None:
    data = uenv.image({"a": "1", "b": "x=y"}, size=64)
    assert data[4:] == b"a=1\0b=x=y\0".ljust(60, b"\0")
    assert data[:4] == zlib.crc32(data[4:]).to_bytes(4, "little")
    assert uenv.read_image(data, path="env") == {"a": "1", "b": "x=y"}
    assert uenv.image({}, size=64, copies=2, mark=7)[4] == 7


@pytest.mark.parametrize("size", [0, 1, 4, 5, 63])
@pytest.mark.parametrize("copies", [1, 2])
def test_an_image_that_is_cut_is_damaged(size: int, copies: int) -> None:
    data = uenv.image({"a": "1"}, size=64, copies=copies)
    with pytest.raises(Damaged, match="env: no U-Boot environment"):
        uenv.read_image(data[:size], path="env", copies=copies)


@pytest.mark.parametrize("filler", [b"\0", b"\xff"])
def test_an_erased_image_or_an_erased_end_is_damaged(filler: bytes) -> None:
    """R5 and R6: flash that was never written, and flash whose last block is gone."""
    data = uenv.image({"a": "x" * 100}, size=65536)
    for damaged in (filler * 65536, data[:32768] + b"\xff" * 32768, data[:50] + bytes(65486)):
        with pytest.raises(Damaged):
            uenv.read_image(damaged, path="env")


def test_every_single_bit_counts() -> None:
    data = uenv.image({"a": "1"}, size=32)
    for bit in range(32 * 8):
        noisy = bytearray(data)
        noisy[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Damaged):
            uenv.read_image(bytes(noisy), path="env")


@pytest.mark.parametrize(
    ("values", "size"), [({"a": "x" * 60}, 64), ({"a=b": "1"}, 64), ({"a": "\0"}, 64), ({"": "1"}, 64), ({}, 4)]
)
def test_an_image_that_cannot_be_made_is_refused(values: dict[str, str], size: int) -> None:
    with pytest.raises(ValueRefused):
        uenv.image(values, size=size)


# -- anything ----------------------------------------------------------------------------------------------------------

lines = st.lists(st.sampled_from([b"a=1", b"#", b"=", b"\\", b"\n", b"\0", b" ", b"a", b"\r", b"\xff"]), max_size=20)


@given(st.one_of(st.binary(max_size=300), lines.map(b"".join)))
def test_there_is_no_text_that_fails(data: bytes) -> None:
    values, complete = uenv.import_text(data)
    assert all(name for name in values)
    assert complete or b"=" in data
    kept = {name: value for name, value in values.items() if value}
    try:
        again = uenv.text(kept)
    except HalError:
        return
    assert uenv.import_text(again).values == kept


@given(st.binary(max_size=100), st.sampled_from([1, 2]))
def test_no_image_raises_anything_but_damaged(data: bytes, copies: int) -> None:
    start = 4 if copies == 1 else 5
    sound = data[:start] if len(data) < start else zlib.crc32(data[start:]).to_bytes(4, "little") + data[4:]
    for each in (data, sound):
        try:
            values = uenv.read_image(each, path="env", copies=copies)
        except Damaged:
            continue
        assert all(isinstance(value, str) for value in values.values())


words = st.text(st.characters(blacklist_characters="\0="), min_size=1, max_size=8)


@given(st.dictionaries(words, words, max_size=5), st.sampled_from([1, 2]))
def test_an_image_reads_back(values: dict[str, str], copies: int) -> None:
    try:
        data = uenv.image(values, size=256, copies=copies)
    except HalError:
        return
    assert len(data) == 256
    assert uenv.read_image(data, path="env", copies=copies) == values
