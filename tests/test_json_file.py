"""Reading a JSON object that anybody may have edited: a `HalError` that says where, or a dictionary; nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hal.errors import Damaged, FileFault, HalError
from hal.json_file import MAX_BYTES, MAX_DEPTH, read_object
from hal.root import Root

POINTS_AT_COMMA = sys.version_info >= (3, 13)
"""Since then, Python names the comma itself, no longer what is missing behind it."""

Tree = Callable[[str], Root]
NAME = "config.json"


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def read(root: Root, data: bytes | str) -> dict[str, Any]:
    (root.directory / NAME).write_bytes(data.encode() if isinstance(data, str) else data)
    return read_object(root, NAME)


def nested(depth: int, opening: str = '{"a":', closing: str = "}", core: str = "1") -> str:
    return opening * depth + core + closing * depth


# -- what is read ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("{}", {}),
        (" \n\t{ }\r\n ", {}),
        ('{"a": 1, "b": [true, null, "x"], "c": {"a": 2}}', {"a": 1, "b": [True, None, "x"], "c": {"a": 2}}),
        (b'\xef\xbb\xbf{"a": "\xc3\xa9"}', {"a": "é"}),
        ('{"a": "\\u00e9\\ud83d\\ude00"}', {"a": "é😀"}),
        ('{"a": "\\ud800"}', {"a": "\ud800"}),
        ('{"\\udc00": 1}', {"\udc00": 1}),
        ('{"": ""}', {"": ""}),
        ('{"a": "[[[[{{{{\\"[[[[\\\\"}', {"a": '[[[[{{{{"[[[[\\'}),
        (json.dumps({"a": "[{" * 100_000}), {"a": "[{" * 100_000}),
        (json.dumps({"a": '"[' * 10_000 + "\\"}), {"a": '"[' * 10_000 + "\\"}),
        (json.dumps({"a": [[]] * 10_000}), {"a": [[]] * 10_000}),
        ('{"a": ' + "9" * 4300 + "}", {"a": int("9" * 4300)}),
        ('{"a": 1e308, "b": -0.0, "c": 1e-999}', {"a": 1e308, "b": -0.0, "c": 0.0}),
        (nested(MAX_DEPTH), json.loads(nested(MAX_DEPTH))),
        ('{"a":' + nested(MAX_DEPTH - 1, "[", "]") + "}", {"a": json.loads(nested(MAX_DEPTH - 1, "[", "]"))}),
    ],
    ids=lambda it: ascii(it)[:30],
)
def test_what_is_read(data: bytes | str, value: dict[str, Any], root: Root) -> None:
    assert read(root, data) == value


def test_the_largest_file(root: Root) -> None:
    frame = len('{"a": ""}')
    assert len(read(root, json.dumps({"a": "x" * (MAX_BYTES - frame)}))["a"]) == MAX_BYTES - frame
    with pytest.raises(Damaged, match=f"larger than {MAX_BYTES} bytes"):
        read(root, json.dumps({"a": "x" * (MAX_BYTES - frame + 1)}))


# -- what is refused -------------------------------------------------------------------------------------------------

GOOD = '{\n  "deviceType": "x",\n  "os": {"fan": {"profile": "cool"}}\n}\n'


@pytest.mark.parametrize(
    ("data", "line", "column", "words"),
    [
        (b"", 1, None, "empty"),
        (b" \n\t\n ", 1, None, "empty"),
        (b"\xef\xbb\xbf", 1, None, "empty"),
        (b"\0" * 512, 1, 1, "Expecting value"),
        (b"\0" * MAX_BYTES, 1, 1, "Expecting value"),
        (b"\xff\xfe{\0}\0", 1, None, "not UTF-8 text (byte 0)"),
        (b"{}\0", 1, 3, "Extra data"),
        (b"{\n\n  \xff}", 3, None, "not UTF-8 text (byte 5)"),
        (b"\xef\xbb\xbf{\n\n\xff}", 3, None, "not UTF-8 text (byte 6)"),
        (b'{"a":\r\n"\xc3"}', 2, None, "not UTF-8 text (byte 8)"),
        (b"\x7fELF\x02\x01\x01" + bytes(100), 1, 1, "Expecting value"),
        (b"\x1f\x8b\x08", 1, None, "not UTF-8 text (byte 1)"),
        (b'{"a": 1,}', *((1, 8, "trailing comma") if POINTS_AT_COMMA else (1, 9, "property name"))),
        (b'{\n "a": 1,\n}\n', *((2, 8, "trailing comma") if POINTS_AT_COMMA else (3, 1, "property name"))),
        (b'{\n  "a" 1}', 2, 7, "Expecting ':' delimiter"),
        (b'{\n  "\xc3\xa9": x}', 2, 8, "Expecting value"),
        (b'\xef\xbb\xbf{"a": x}', 1, 7, "Expecting value"),
        (b'{"a": "new\nline"}', 1, 11, "Invalid control character"),
        (b'{"a": "\\x"}', 1, 8, "Invalid \\escape"),
        (b'{"a": "\\u12"}', 1, None, "Invalid \\uXXXX escape"),
        (b'{"a": "no end', 1, 7, "Unterminated string"),
        (b"{'a': 1}", 1, 2, "property name"),
        (b"// no comment\n{}", 1, 1, "Expecting value"),
        (b"{}\n{}", 2, 1, "Extra data"),
        (b"{]", 1, 2, "property name"),
        (b"]" * 100_000, 1, 1, "Expecting value"),
        (b"[]", 1, None, "a JSON object is expected, not list"),
        (b'[{"deviceType": "x"}]', 1, None, "a JSON object is expected, not list"),
        (b'"text"', 1, None, "a JSON object is expected, not str"),
        (b"1", 1, None, "a JSON object is expected, not int"),
        (b"null", 1, None, "a JSON object is expected, not NoneType"),
        (b"true", 1, None, "a JSON object is expected, not bool"),
        (b'{"a": NaN}', None, None, "NaN is not JSON"),
        (b'{"a": [Infinity]}', None, None, "Infinity is not JSON"),
        (b'{"a": -Infinity}', None, None, "-Infinity is not JSON"),
        (b'{"a": 1e999}', None, None, "the number 1e999 is too large"),
        (b'{"a": -1e999}', None, None, "the number -1e999 is too large"),
        (b'{"a": ' + b"9" * 5000 + b".0}", None, None, "is too large"),
        (b'{"a": ' + b"9" * 4301 + b"}", None, None, "a number of thousands of digits"),
        (b'{"a": -' + b"9" * 1_000_000 + b"}", None, None, "a number of thousands of digits"),
        (b'{"a": 1, "a": 1}', None, None, "the key 'a' stands there twice"),
        (b'{"a": 1, "\\u0061": 2}', None, None, "the key 'a' stands there twice"),
        (b'{"x": [{"b": {"a": 1, "a": {}}}]}', None, None, "the key 'a' stands there twice"),
        (b'{"\\ud800": 1, "\\ud800": 2}', None, None, "the key '\\ud800' stands there twice"),
    ],
    ids=lambda it: ascii(it)[:30],
)
def test_what_is_refused(data: bytes, line: int | None, column: int | None, words: str, root: Root) -> None:
    with pytest.raises(Damaged) as error:
        read(root, data)
    assert words in error.value.message
    assert (error.value.path, error.value.code) == (NAME, "damaged")
    assert error.value.line == line
    assert column is None or error.value.column == column
    where = ":".join(str(part) for part in (NAME, error.value.line, error.value.column) if part is not None)
    assert error.value.message.startswith(f"{where}: ")
    assert (root.directory / NAME).read_bytes() == data, "it is left as it was"


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 1000, 100_000])
@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]"), ("[\n", "]"), ("[", "")]
)
@pytest.mark.parametrize("prefix", ["", '{"a": "\\"[", "b": '])
def test_deep_nesting_is_refused_before_it_is_parsed(
    prefix: str, opening: str, closing: str, depth: int, root: Root
) -> None:
    with pytest.raises(Damaged, match=f"nested deeper than {MAX_DEPTH} levels") as error:
        read(root, prefix + nested(depth, opening, closing))
    assert error.value.line == (MAX_DEPTH + 1 - bool(prefix) if "\n" in opening else 1)


@pytest.mark.parametrize("length", range(1, len(GOOD) - 1))
def test_a_truncated_file_is_refused(length: int, root: Root) -> None:
    assert read(root, GOOD)["deviceType"] == "x"
    with pytest.raises(Damaged) as error:
        read(root, GOOD[:length])
    assert 1 <= (error.value.line or 0) <= GOOD[:length].count("\n") + 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("none.json", "none.json: no such file or directory"),
        ("folder", "folder: not a regular file"),
        ("fifo", "fifo: not a regular file"),
        ("loop", "probably a loop"),
        ("dangling", "dangling: no such file or directory"),
        ("out", "leads out of"),
        ("folder/x/../../../y", "leads out of"),
    ],
)
def test_what_cannot_be_read_is_a_fault(name: str, words: str, root: Root) -> None:
    (root.directory / "folder").mkdir()
    os.mkfifo(root.directory / "fifo")
    for link, target in (("loop", "loop"), ("dangling", "nowhere"), ("out", "../../../x")):
        (root.directory / link).symlink_to(target)
    with pytest.raises(FileFault, match=words):
        read_object(root, name)


def test_a_huge_file_is_damaged_and_not_read(root: Root) -> None:
    """So that what stands in for a damaged one stands in for it, too."""
    with (root.directory / "huge").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(Damaged, match=f"huge: larger than {MAX_BYTES} bytes"):
        read_object(root, "huge")


# -- any bytes at all ------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))))
@example(b"\xef\xbb\xbf\xef\xbb\xbf{}")
@example(b'{"a": "\xed\xa0\x80"}')
def test_any_bytes(data: bytes) -> None:
    attempt(data)


@given(st.text(alphabet='{}[]",:\\u0189aeE+-.\n \ufefftrufalsnNaIi', max_size=60))
def test_any_text_of_the_grammar(text: str) -> None:
    attempt(text.encode())


@given(JSON, st.data())
def test_any_json_document_with_a_byte_changed(value: object, data: st.DataObject) -> None:
    text = bytearray(json.dumps(value).encode())
    text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    attempt(bytes(text))


@given(st.dictionaries(st.text(), JSON), st.sampled_from([None, 0, 3]), st.booleans())
def test_what_json_itself_wrote_is_read_back(value: dict[str, Any], indent: int | None, escaped: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    answer = attempt(text)
    if answer is not None:
        assert answer == value
    else:
        faults = ("NaN", "Infinity", *(("\\ud",) if escaped else ()))
        assert any(word in text.decode("utf-8", "replace") for word in faults) or b"\xed" in text


def attempt(data: bytes) -> dict[str, Any] | None:
    """Reads, and holds against the standard parser what was read. The parser is more lenient; it is never less."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            answer = read(Root(directory), data)
        except HalError as error:
            answer = None
            line, column = (error.line, error.column) if isinstance(error, Damaged) else (None, None)
    if answer is None:
        assert line is None or 1 <= line <= data.count(b"\n") + 1
        assert column is None or column >= 1
        return None
    assert type(answer) is dict
    assert answer == json.loads(data.decode("utf-8-sig"))
    json.dumps(answer, allow_nan=False)
    return answer


# -- through the command line ----------------------------------------------------------------------------------------

HOSTILE: dict[str, bytes] = {
    "empty": b"",
    "binary": bytes(range(256)) * 64,
    "truncated": GOOD[:30].encode(),
    "huge": b" " * (MAX_BYTES + 1),
    "deep list": b"[" * 100_000,
    "deep object": b'{"a":' * 100_000,
    "huge number": b'{"os": {"fan": {"profile": ' + b"1" * 100_000 + b"}}}",
    "infinite": b'{"os": {"fan": {"profile": 1e999}}}',
    "lone surrogate as value": b'{"deviceType": "\\ud800", "os": {"fan": {"profile": "\\ud800"}}}',
    "lone surrogate as key": b'{"\\ud800": 1, "os": {"\\udfff": 1}}',
    "escape sequences": b'{"deviceType": "\\u001b[2J\\u0000\\n"}',
    "wrong types": b'{"deviceType": {"a": []}, "os": [], "country": 3}',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_no_config_json_makes_a_command_crash(kind: str, hal_tree: Tree) -> None:
    """The other evidence still identifies the board; what needs config.json says what is wrong with it."""
    root = hal_tree("jetson-agx-orin-devkit")
    (root.directory / "mnt/boot/config.json").write_bytes(HOSTILE[kind])
    for words in (
        "identify --explain",
        "identify --json",
        "capabilities --json",
        "show",
        "plan",
        "plan --json",
        "apply",
    ):
        command = [Path(sys.executable).parent / "hal", "--root", root.directory, *words.split()]
        answer = subprocess.run(command, capture_output=True, timeout=60)
        assert b"Traceback" not in answer.stderr, words
        assert answer.returncode in ((0, 1) if words.startswith(("plan", "apply")) else (0,)), words
        assert b"\x1b" not in answer.stdout + answer.stderr
        for stream in (answer.stdout, answer.stderr):
            if stream and words.endswith("--json"):
                json.loads(stream, parse_constant=pytest.fail)
    assert (root.directory / "mnt/boot/config.json").read_bytes() == HOSTILE[kind]
