"""What a value in config.json may be: every kind finds what is wrong with one, and says what JSON Schema can say of it.

`null` and, for a text, the empty one mean that the key is not set; no kind is asked about them.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from hal.settings.udev_rules import RuleFault

MOST = 4096
"""Characters of a text, where a kind does not say otherwise."""


@frozen
class Fault:
    """What is wrong: `where` is behind the key's path, empty for the value as a whole."""

    message: str
    where: str = ""
    allowed: tuple[str, ...] = ()


Faults = Iterator[Fault]


@frozen
class Kind:
    """A kind of value. `schema` may allow more than `faults` does, and never less."""

    words: str
    schema: Mapping[str, Any] = field(repr=False)
    faults: Callable[[Any], Faults] = field(repr=False)


def named(value: object) -> str:
    """The JSON type of a value, in words."""
    names = {
        dict: "an object",
        list: "a list",
        bool: "true or false",
        str: "a text",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "null" if value is None else type(value).__name__)


def text(words: str, pattern: str | None = None, *, most: int = MOST) -> Kind:
    """A text of one line that matches a pattern as a whole."""
    matches = re.compile(pattern or r"[^\0-\x1f\x7f]*").fullmatch

    def faults(value: object) -> Faults:
        if not isinstance(value, str):
            yield Fault(f"{words} is expected, not {named(value)}")
        elif len(value) > most:
            yield Fault(f"{words} has at most {most} characters, not {len(value)}")
        elif not matches(value) or not _is_utf8(value):
            yield Fault(f"{value[:60]!r} is not {words}")

    schema: dict[str, Any] = {"type": "string", "maxLength": most}
    return Kind(words, schema | ({"pattern": f"^(?:{pattern})?$"} if pattern else {}), faults)


def setting() -> Kind:
    """What a board's plugin judges further: a text, or a whole number that stands for its digits."""
    inner = text("a text")

    def faults(value: object) -> Faults:
        if not isinstance(value, int) or isinstance(value, bool):
            yield from inner.faults(value)
        elif abs(value) >= 1 << 64:
            yield Fault(f"a text is expected, not {_short(value)}")

    return Kind(inner.words, {"anyOf": [dict(inner.schema), {"type": "integer"}]}, faults)


def number(words: str, low: int, high: int) -> Kind:
    """A whole number, or its digits as a text, which every consumer reads alike."""

    def faults(value: object) -> Faults:
        digits = isinstance(value, str) and re.fullmatch(r"[0-9]{1,16}", value)
        if digits or (isinstance(value, int) and not isinstance(value, bool)):
            if not low <= int(value) <= high:  # type: ignore[call-overload]
                yield Fault(f"{_short(value)} is not {words}: {low} to {high} is allowed")
        else:
            yield Fault(f"{words} is expected, not {_short(value) if isinstance(value, str) else named(value)}")

    schema = {"anyOf": [{"type": "integer", "minimum": low, "maximum": high}, _digits_schema()]}
    return Kind(words, schema, faults)


def words_of(words: str, each: Callable[[str], bool], *, most: int = 32) -> Kind:
    """A text of words between blanks."""

    def faults(value: object) -> Faults:
        if not isinstance(value, str):
            yield Fault(f"{words} between blanks are expected, not {named(value)}")
            return
        found = value.split(" ")
        if len(found) > most or len(value) > MOST:
            yield Fault(f"at most {most} {words} in {MOST} characters are allowed")
            return
        for word in found:
            if word and not each(word):
                yield Fault(f"{word[:60]!r}: {words} between blanks are allowed")

    return Kind(words, {"type": "string", "maxLength": MOST}, faults)


def flag() -> Kind:
    """true or false; also in the forms that the supervisor takes for one. See `unlike` for who reads them otherwise."""
    allowed = [True, False, "true", "false", 1, 0, "1", "0"]

    def faults(value: object) -> Faults:
        if type(value) not in (bool, str, int) or value not in allowed:
            yield Fault(f"true or false is expected, not {_short(value)}", allowed=("true", "false"))

    schema = {"anyOf": [{"type": "boolean"}, {"enum": ["", *allowed[2:]]}]}
    return Kind("true or false", schema, faults)


def unlike(value: object) -> str | None:
    """Why a flag that is no JSON boolean is read differently by different services; `None` where it is one."""
    if isinstance(value, bool) or value is None or value == "":
        return None
    meant = str(value) in ("true", "1")
    return f"{value!r} is {str(meant).lower()} to the supervisor, and not to every script; write {str(meant).lower()}"


# -- texts with a form -------------------------------------------------------------------------------------------------

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"{LABEL}(?:\.{LABEL})*\.?")


def is_host(word: str) -> bool:
    """A host name (RFC 1123), or an address."""
    return is_address(word) or (len(word) <= 253 and _HOST.fullmatch(word) is not None)


def is_address(word: str) -> bool:
    """An IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return "%" not in word


def is_dns_server(word: str) -> bool:
    """An address, with `#PORT` behind it where dnsmasq is to ask another port; or `null` for none."""
    address, mark, port = word.partition("#")
    if word == "null":
        return True
    return is_address(address) and (
        not mark or (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65536)
    )


URL = r"https?://[A-Za-z0-9.:\[\]_-]+(?:/[!-~]*)?"


def certificates() -> Kind:
    """PEM certificates in base64, as one text."""
    words = "PEM certificates in base64"

    def faults(value: object) -> Faults:
        if not isinstance(value, str):
            yield Fault(f"{words} are expected, not {named(value)}")
            return
        try:
            pem = base64.b64decode("".join(value.split()), validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            yield Fault(f"{words} are expected, and this is not base64 of text")
            return
        if reason := _no_certificates(pem):
            yield Fault(f"{words} are expected: {reason}")

    return Kind(words, {"type": "string"}, faults)


def _no_certificates(pem: str) -> str | None:
    """Why OpenSSL reads no certificate in this text."""
    import ssl

    if "-----BEGIN CERTIFICATE-----" not in pem:
        return "there is none between BEGIN CERTIFICATE and END CERTIFICATE"
    store = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        store.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        return str(getattr(error, "reason", None) or error).lower().replace("_", " ")
    return None


# -- collections -------------------------------------------------------------------------------------------------------

SSH_TYPES: dict[str, tuple[tuple[int, int], ...]] = {
    "ssh-ed25519": ((32, 32),),
    "ssh-rsa": ((1, 16), (128, 2049)),
    "ecdsa-sha2-nistp256": ((8, 8), (65, 65)),
    "ecdsa-sha2-nistp384": ((8, 8), (97, 97)),
    "ecdsa-sha2-nistp521": ((8, 8), (133, 133)),
    "sk-ssh-ed25519@openssh.com": ((32, 32), (1, 255)),
    "sk-ecdsa-sha2-nistp256@openssh.com": ((8, 8), (65, 65), (1, 255)),
}
"""Types of public keys, and the least and most bytes of each field behind the type (RFC 4253, 5656, 8709; PROTOCOL.u2f
of OpenSSH)."""

SSH_FLAGS = frozenset(
    (
        "agent-forwarding",
        "cert-authority",
        "no-agent-forwarding",
        "no-port-forwarding",
        "no-pty",
        "no-touch-required",
        "no-user-rc",
        "no-x11-forwarding",
        "port-forwarding",
        "pty",
        "restrict",
        "user-rc",
        "verify-required",
        "x11-forwarding",
    )
)
SSH_SETTINGS = frozenset(
    ("command", "environment", "expiry-time", "from", "permitlisten", "permitopen", "principals", "tunnel")
)
"""Options in front of a key (sshd(8)); with one that it does not know, sshd takes the whole line for none."""
_SSH_OPTION = re.compile(r'([A-Za-z0-9-]+)(="(?:\\"|[^"])*")?(,|[ \t]+)')
_SSH_KEY = re.compile(r"(\S+)[ \t]+([A-Za-z0-9+/]+={0,2})(?:[ \t].*)?")


def ssh_keys() -> Kind:
    """A list of lines of an `authorized_keys` file, each one public key."""

    def faults(value: object) -> Faults:
        if not isinstance(value, list):
            yield Fault(f"a list of public SSH keys is expected, not {named(value)}")
            return
        for number, line in enumerate(value):
            if not _is_ssh_key(line):
                yield Fault("no public SSH key in one line", f"[{number}]", tuple(SSH_TYPES))

    return Kind("a list of public SSH keys", {"type": "array", "items": {"type": "string"}}, faults)


def _is_ssh_key(line: object) -> bool:
    """A line that sshd takes: known options if any, then a key whose inside is whole and of the type before it."""
    if not isinstance(line, str) or len(line) > 16384 or not _is_utf8(line):
        return False
    if any((character < " " and character != "\t") or character == "\x7f" for character in line):
        return False
    at = 0
    if line.partition(" ")[0] not in SSH_TYPES:
        while True:
            option = _SSH_OPTION.match(line, at)
            if option is None or option[1].lower() not in (SSH_SETTINGS if option[2] else SSH_FLAGS):
                return False
            at = option.end()
            if option[3] != ",":
                break
    match = _SSH_KEY.fullmatch(line, at)
    return match is not None and match[1] in SSH_TYPES and _is_whole(match[1], match[2])


def _is_whole(kind: str, text: str) -> bool:
    """Whether a key's inside has exactly the fields of its type, each of a length that it may have."""
    try:
        rest = base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    fields = []
    while rest:
        length = int.from_bytes(rest[:4], "big")
        if len(rest) < 4 + length:
            return False
        fields.append(rest[4 : 4 + length])
        rest = rest[4 + length :]
    sizes = SSH_TYPES[kind]
    if len(fields) != 1 + len(sizes) or fields[0] != kind.encode():
        return False
    return all(low <= len(field) <= high for field, (low, high) in zip(fields[1:], sizes, strict=True))


RULE_NAME = r"[A-Za-z0-9][A-Za-z0-9._+@-]{0,63}"
_RULE_NAME = re.compile(RULE_NAME)


def is_rule_name(name: str) -> bool:
    """Whether a name may become that of a rules file."""
    return _RULE_NAME.fullmatch(name) is not None


def udev_rules_fault(rule: str) -> RuleFault | None:
    """Loaded where there are rules: few devices have any."""
    from hal.settings.udev_rules import fault

    return fault(rule)


def udev_rules() -> Kind:
    """An object: the name of each rules file without `.rules`, and its text."""
    named_so = "letters, digits and . _ + @ - name a rule, at most 64, the first a letter or digit"

    def faults(value: object) -> Faults:
        if not isinstance(value, dict):
            yield Fault(f"an object of rules is expected, not {named(value)}")
            return
        for name, rule in value.items():
            if not _RULE_NAME.fullmatch(name):
                yield Fault(f"{name[:60]!r} would become the name of a file: {named_so}", f".{name}")
            elif not isinstance(rule, str):
                yield Fault(f"the text of a rule is expected, not {named(rule)}", f".{name}")
            elif "\0" in rule or not _is_utf8(rule) or len(rule) > 65536:
                yield Fault("a rule is a text of at most 65536 characters without NUL", f".{name}")
            elif wrong := udev_rules_fault(rule):
                yield Fault(f"line {wrong.line}, column {wrong.column}: {wrong.message}", f".{name}")

    schema = {"type": "object", "additionalProperties": {"type": "string"}}
    return Kind("an object of udev rules by name", schema, faults)


def _is_utf8(value: str) -> bool:
    """A lone surrogate is no character, and no file can hold it."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _short(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 64:
        return "a number of more than 19 digits"
    return f"{value!r:.60}"


def _digits_schema() -> dict[str, Any]:
    return {"type": "string", "pattern": "^[0-9]{0,16}$"}
