"""EFI variables: 4 bytes of attributes and a value, set with one write and read back."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hal.backends import efi_variables
from hal.errors import Damaged, FileFault, HalError, ValueRefused
from hal.root import Root

GUID = efi_variables.GLOBAL
FILE = f"sys/firmware/efi/efivars/OsIndications-{GUID}"


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Root]:
    (tmp_path / efi_variables.FOLDER).mkdir(parents=True)
    yield Root(tmp_path)
    subprocess.run(["chattr", "-R", "-i", tmp_path], check=False, capture_output=True)


@pytest.mark.parametrize(
    ("data", "attributes", "value"),
    [
        (b"\x07\0\0\0\x04" + bytes(7), 7, b"\x04" + bytes(7)),
        (b"\x06\0\0\0\x01", 6, b"\x01"),
        (b"\xff\xff\xff\xff" + b"x" * 1000, 0xFFFFFFFF, b"x" * 1000),
    ],
)
def test_what_is_read_can_be_written(data: bytes, attributes: int, value: bytes, tree: Root) -> None:
    tree.resolve(FILE).write_bytes(data)
    found = efi_variables.read(tree, "OsIndications", GUID)
    assert found == efi_variables.Variable(attributes=attributes, value=value)
    tree.remove(FILE)
    assert efi_variables.read(tree, "OsIndications", GUID) is None
    efi_variables.write(tree, "OsIndications", GUID, value, attributes=attributes)
    assert tree.read_bytes(FILE) == data


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_short_variable_is_named(size: int, tree: Root) -> None:
    tree.resolve(FILE).write_bytes(b"\x07\0\0\0"[:size])
    with pytest.raises(Damaged, match=f"OsIndications-{GUID}: an EFI variable of {size} bytes"):
        efi_variables.read(tree, "OsIndications", GUID)


def test_a_file_that_was_created_and_never_written_is_no_variable(tree: Root) -> None:
    tree.resolve(FILE).write_bytes(b"")
    assert efi_variables.read(tree, "OsIndications", GUID) is None
    efi_variables.write(tree, "OsIndications", GUID, b"\x04")
    assert tree.read_bytes(FILE) == b"\x07\0\0\0\x04"


@pytest.mark.parametrize(
    ("name", "guid"),
    [("", GUID), ("a/b", GUID), ("..", "x"), ("a", GUID.upper()), ("a", GUID[:-1]), ("a\n", GUID), ("a", f"{GUID}\n")],
)
def test_what_is_no_name_is_refused(name: str, guid: str, tree: Root) -> None:
    with pytest.raises(ValueRefused, match="not the name of an EFI variable"):
        efi_variables.write(tree, name, guid, b"x")
    with pytest.raises(ValueRefused):
        efi_variables.read(tree, name, guid)


@pytest.mark.parametrize("value", [b"", b"x" * 65533])
def test_a_value_that_would_delete_it_or_is_too_long_is_refused(value: bytes, tree: Root) -> None:
    with pytest.raises(ValueRefused, match=f"a value of {len(value)} bytes"):
        efi_variables.write(tree, "a", GUID, value)
    assert tree.listdir(efi_variables.FOLDER) == ()


def test_without_efi_there_is_nothing_to_write(tmp_path: Path) -> None:
    root = Root(tmp_path)
    assert not efi_variables.booted_by_efi(root)
    assert efi_variables.read(root, "a", GUID) is None
    with pytest.raises(FileFault, match="no EFI variable can be set"):
        efi_variables.write(root, "a", GUID, b"x")


def test_equal_is_not_written_again(tree: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    efi_variables.write(tree, "a", GUID, b"x")
    monkeypatch.setattr(Root, "write", lambda *_, **__: pytest.fail("written again"))
    efi_variables.write(tree, "a", GUID, b"x")


def test_one_write_and_the_mark_taken_off_before(tree: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    efi_variables.write(tree, "a", GUID, b"x")
    calls = []
    write, unlock = Root.write, Root.unlock_immutable
    monkeypatch.setattr(Root, "unlock_immutable", lambda *args: (calls.append("unlock"), unlock(*args)))
    monkeypatch.setattr(Root, "write", lambda *args, **kw: (calls.append(args[2]), write(*args, **kw)))
    efi_variables.write(tree, "a", GUID, b"yz")
    assert calls == ["unlock", b"\x07\0\0\0yz"]


def test_an_immutable_variable_is_written_where_the_file_system_has_such_a_mark(tree: Root) -> None:
    efi_variables.write(tree, "a", GUID, b"x")
    path = tree.resolve(efi_variables.file_of("a", GUID))
    marked = subprocess.run(["chattr", "+i", path], check=False, capture_output=True).returncode == 0
    if marked:
        with pytest.raises(OSError, match="permitted"):
            path.write_bytes(b"")
    efi_variables.write(tree, "a", GUID, b"y")
    assert path.read_bytes() == b"\x07\0\0\0y"


def test_a_variable_that_reads_back_different_is_an_error(tree: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Root.write
    monkeypatch.setattr(Root, "write", lambda root, name, value, **kw: write(root, name, value[:-1] + b"?", **kw))
    with pytest.raises(HalError, match="reads back different"):
        efi_variables.write(tree, "a", GUID, b"xy")
