"""GRUB's environment block: the very bytes that are shipped, what `grub-editenv` says, and damage."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from backends.machines import block, shipped_bootenv, shipped_grubenv
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.bootloader.envblock import SIGNATURE, SIZE, WARNING, EnvBlock
from hal.errors import Damaged, HalError, ValueRefused

VALUES = {"bootcount": "0", "resin_root_part": "2", "upgrade_available": "0"}


def read(data: bytes) -> EnvBlock:
    return EnvBlock(data, path="grubenv")


# -- the files balenaOS ships ------------------------------------------------------------------------------------------


def test_the_shipped_grubenv_is_what_the_dossier_says() -> None:
    data = shipped_grubenv()
    assert (len(data), data[:75].count(b"\n"), data[75:1023], data[1023:]) == (1024, 4, b"#" * 948, b"\n")
    assert dict(read(data).records()) == VALUES
    assert read(data).sound
    assert read(data).in_first_sector(*VALUES)


def test_the_shipped_bootenv_is_what_the_dossier_says() -> None:
    data = shipped_bootenv()
    assert (len(SIGNATURE), len(WARNING), SIZE) == (25, 69, 1024)
    assert data.startswith(SIGNATURE + WARNING + b"resin_root_part=A\n")
    assert data.endswith(b"#")
    assert dict(read(data).records()) == {**VALUES, "resin_root_part": "A"}


def test_a_new_block_is_the_one_grub_editenv_makes(tmp_path: Path) -> None:
    file = tmp_path / "made"
    subprocess.run(["grub-editenv", file, "create"], check=True, timeout=60)
    subprocess.run(["grub-editenv", file, "set", *(f"{k}={v}" for k, v in VALUES.items())], check=True, timeout=60)
    theirs = file.read_bytes()
    ours = read(theirs)
    for name in VALUES:
        ours.unset(name)
    for name, value in VALUES.items():
        ours.set(name, value)
    assert ours.data == theirs
    assert EnvBlock.new(VALUES, path="x").records() == read(theirs).records()
    assert len(EnvBlock.new({}, path="x", size=512).data) == 512


@pytest.mark.parametrize(
    ("name", "value", "changed"),
    [
        ("resin_root_part", "3", 1),
        ("upgrade_available", "1", 1),
        ("bootcount", "2", 1),
        ("bootcount", "0", 0),
    ],
)
def test_a_value_of_the_same_length_changes_its_own_bytes_only(name: str, value: str, changed: int) -> None:
    for data in (shipped_grubenv(), shipped_bootenv(), block(VALUES, size=4096)):
        env = read(data)
        env.set(name, value)
        assert sum(a != b for a, b in zip(data, env.data, strict=True)) == changed
        assert env.get(name) == value


def test_the_newline_at_the_end_is_given_up_only_where_room_is_needed() -> None:
    same, longer, more = (read(shipped_grubenv()) for _ in range(3))
    same.set("resin_root_part", "3")
    assert same.data.endswith(b"#\n")
    longer.set("resin_root_part", "10")
    more.set("kernel_override_abi", "0" * 64)
    for env in (longer, more):
        assert len(env.data) == 1024
        assert env.data.endswith(b"##")
        assert env.data.rstrip(b"#").endswith(b"\n")
    assert longer.get("resin_root_part") == "10"
    assert more.get("kernel_override_abi") == "0" * 64


# -- room --------------------------------------------------------------------------------------------------------------


def test_a_block_can_be_filled_to_the_last_byte_and_no_further() -> None:
    env = EnvBlock.new({}, path="grubenv")
    env.set("fill", "x" * (1024 - 25 - len("fill=\n")))
    assert (len(env.data), env.data[-2:]) == (1024, b"x\n")
    before = env.data
    for name, value in (("fill", env.get("fill") + "x"), ("a", "")):  # type: ignore[operator]
        with pytest.raises(ValueRefused, match=r"^grubenv: no room for "):
            env.set(name, value)
        assert env.data == before, "nothing half written"
    env.set("fill", "")
    env.set("a", "b")
    assert dict(env.records()) == {"fill": "", "a": "b"}


@pytest.mark.parametrize(
    ("name", "value"), [("", "1"), ("a b", "1"), ("a=b", "1"), ("#a", "1"), ("ä", "1"), ("a", "\0")]
)
def test_what_cannot_be_stored_is_refused_with_its_name(name: str, value: str) -> None:
    env = read(shipped_grubenv())
    with pytest.raises(ValueRefused) as error:
        env.set(name, value)
    assert error.value.path == name
    assert env.data == shipped_grubenv()


# -- damage ------------------------------------------------------------------------------------------------------------

NO_BLOCK = {
    "empty": b"",
    "0xFF": b"\xff" * 1024,
    "zeros": bytes(1024),
    "cut in the signature": SIGNATURE[:-1],
    "other first line": b"# GRUB environment block\n" + b"#" * 999,
    "CRLF": SIGNATURE.replace(b"\n", b"\r\n") + b"#" * 998,
    "byte in front": b"\xef\xbb\xbf" + shipped_grubenv(),
}


@pytest.mark.parametrize("damage", NO_BLOCK)
def test_what_has_no_signature_is_damaged(damage: str) -> None:
    with pytest.raises(Damaged, match="grubenv: no GRUB environment block") as error:
        read(NO_BLOCK[damage])
    assert error.value.path == "grubenv"


def test_every_cut_reads_as_some_of_the_records_and_never_as_others() -> None:
    data = block({"a": "1", "long": "x" * 600, "b\\": "2"})
    whole = read(data).records()
    for length in range(len(SIGNATURE) + 1, len(data) + 1):
        found = read(data[:length]).records()
        assert found == whole[: len(found)]


def test_a_destroyed_half_keeps_what_is_before_it_but_stores_nothing() -> None:
    for noise in (b"\0", b"\xff"):
        env = read(shipped_grubenv()[:512] + noise * 512)
        assert env.get("resin_root_part") == "2"
        assert not env.sound
        with pytest.raises(Damaged, match="nothing can be stored"):
            env.set("resin_root_part", "3")


def test_escapes_are_those_of_grub() -> None:
    env = EnvBlock.new({}, path="x")
    for value in ("\\", "\n", "a\\nb", "a\nb=c", "#", "=", " ", "é", "\\\n\\\\\n"):
        env.set("v", value)
        assert env.get("v") == value
        assert env.records() == (("v", value),)


def test_bytes_that_are_no_utf8_survive() -> None:
    env = read(block({}).replace(b"#####", b"a=\xff\n", 1)[:1024])
    env = read((SIGNATURE + b"a=\xff\xfe\nb=1\n").ljust(1024, b"#"))
    env.set("b", "22")
    assert b"a=\xff\xfe\nb=22\n" in env.data
    env.set("b", env.get("a") or "")
    assert b"b=\xff\xfe\n" in env.data


def test_a_signature_alone_is_no_block_for_grub_either() -> None:
    """grub-editenv refuses a file of 25 bytes, in which nothing could be stored."""
    with pytest.raises(Damaged):
        read(SIGNATURE)


def test_a_record_is_not_stored_behind_bytes_that_swallow_it() -> None:
    """Where the newline at the end is given up, what stands before the padding must still be a newline."""
    data = (SIGNATURE + b"junk").ljust(200, b"#")[:-1] + b"\n"
    env = read(data)
    with pytest.raises(HalError):
        env.set("a", "1")
    assert env.data == data


def test_a_record_without_an_end_is_not_set_either() -> None:
    """Its value goes on over the padding: what is stored behind it would become part of it. grub-editenv refuses."""
    data = (SIGNATURE + b"x=1\na=\\\n").ljust(256, b"#")
    block = EnvBlock(data, path="grubenv")
    with pytest.raises(Damaged, match="the record of a has no end"):
        block.set("a", "1")
    assert block.data == data
    block.set("x", "2")
    assert block.get("x") == "2"


def test_a_record_without_an_end_is_not_removed() -> None:
    """It is none for GRUB, and removing it may remove what a cut merely hides."""
    env = read(SIGNATURE + b"a=1\nb=2")
    assert not env.unset("b")
    assert env.data == SIGNATURE + b"a=1\nb=2"


# -- anything ----------------------------------------------------------------------------------------------------------

lines = st.lists(st.binary(max_size=30), max_size=12).map(lambda parts: SIGNATURE + b"\n".join(parts))
texts = st.text(st.sampled_from("ab=#\\\n é0"), max_size=40)
names = st.text(st.sampled_from("ab_0"), min_size=1, max_size=3)


@given(st.one_of(st.binary(max_size=200), lines, lines.map(lambda data: data.ljust(300, b"#"))), names, st.text())
def test_nothing_but_a_hal_error_whatever_the_bytes(data: bytes, name: str, value: str) -> None:
    try:
        env = read(data)
    except Damaged:
        assert not data.startswith(SIGNATURE) or data == SIGNATURE
        return
    env.records()
    env.in_first_sector(name)
    try:
        env.set(name, value)
    except HalError:
        assert env.data == data
    assert len(env.data) == len(data)
    env.unset(name)
    assert len(env.data) == len(data)


@given(st.dictionaries(names, texts, max_size=6), st.sampled_from([512, 1024]))
def test_what_is_set_is_read_and_what_is_unset_is_gone(values: dict[str, str], size: int) -> None:
    env = EnvBlock.new(values, path="x", size=size)
    assert dict(env.records()) == values
    assert len(env.data) == size
    for name in values:
        assert env.unset(name)
        assert env.get(name) is None
    assert env.data == EnvBlock.new({}, path="x", size=size).data
