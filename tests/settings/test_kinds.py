"""What each kind of value allows and refuses; hostile texts; the schema never refuses what a kind allows."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.settings.keys import BY_PATH, FOLDERS, KEYS, schema, values

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
HOSTILE = ["\0", "a\0b", "a\nb", "a\rb", "\ud800", "a" * 1_000_000, "\x7f", "\x1b[2J"]

# path, allowed, refused
TABLE: list[tuple[str, list[object], list[object]]] = [
    (
        "hostname",
        ["a", "my-box", "box.example.org", "0011223", "A" * 63],
        ["", "-a", "a-", "a b", "a_b", "a..b", "a" * 65, "ü", "$(x)", 1, True, {}, []],
    ),
    ("persistentLogging", [True, False, "true", "false", 1, 0, "1", "0"], ["yes", "TRUE", 2, 1.0, [], {}, "t"]),
    ("developmentMode", [True, False], ["on", 1.0]),
    ("country", ["DE", "US", "00"], ["de", "D", "DEU", "D1", "01", 0, ["DE"]]),
    (
        "ntpServers",
        ["pool.ntp.org", "a.example b.example 192.0.2.7 2001:db8::1", " a.example  b.example "],
        ["a;b", "a,b", "-a", "a/b", "$(x)", "a\tb", 1, ["a"], " ".join(["a"] * 33), "fe80::1%eth0"],
    ),
    (
        "dnsServers",
        ["8.8.8.8", "8.8.8.8 2001:4860:4860::8888", "192.0.2.1#5353", "null"],
        ["dns.example", "8.8.8", "192.0.2.1#", "192.0.2.1#0", "192.0.2.1#65536", "192.0.2.1#x", "8.8.8.8;x", 8, []],
    ),
    (
        "balenaRootCA",
        [],
        ["x", "!", base64.b64encode(b"no pem").decode(), 1, {}, base64.b64encode(b"\xff\xfe").decode()],
    ),
    ("os.kernel.extraFirmwareVol", ["extra-firmware", "a"], ["-a", "a/b", "../a", "a b", "a" * 256, 1]),
    (
        "os.network.connectivity.uri",
        ["http://a", "https://api.example.org/connectivity-check", "null", "http://[2001:db8::1]:80/x?y=z"],
        ["a", "ftp://a", "http://", "http://a b", "http://a/\nuri=x", 1],
    ),
    ("os.network.connectivity.interval", [0, 3600, "0", "3600"], [-1, 1.5, "-1", "1 h", True, 2**31, "9" * 99, []]),
    ("os.network.connectivity.response", ["ok", "a b", "ü"], ["a\nb", 1]),
    ("os.network.wifi.randomMacAddressScan", [True, False], ["maybe", 3]),
    (
        "os.udevRules",
        [{}, {"70-demo": 'SUBSYSTEM=="rtc"'}, {"a.b_c+d@e-f": '# y\nNAME="x"\n'}, {"1": 'NAME="ü"'}],
        [
            *([], "x", {"": "x"}, {"a/b": "x"}, {"..": "x"}, {".a": "x"}, {"a b": "x"}, {"$(x)": "x"}, {"'": "x"}),
            *({"a" * 65: "x"}, {"a": "x\0"}, {"a": "\ud800"}, {"a": "x" * 65537}, {"a\n": "x"}, {"a": None}, {"a": 1}),
            {"a": 'KERNL=="x"'},
            *({"a": ",\f"}, {"a": ",\v"}, {"a": "\u00a0"}, {"a" * 70: ""}, {"../" * 30 + "x": ""}),
        ],
    ),
    (
        "os.sshKeys",
        [[], [KEY], [f"{KEY} me@desk"], [f'command="x \\" y",no-pty,No-X11-forwarding {KEY} c'], [KEY, KEY]],
        [
            *(KEY, {}, [""], ["ssh-ed25519"], [f"ssh-rsa {KEY.split()[1]}"], [f"{KEY}\n{KEY}"], [1], [None], ["# x"]),
            *(["ssh-ed25519 AAAA"], [f"{KEY}\0"], [f"# {KEY}"], [f"my {KEY}"], [f'frm="192.0.2.1" {KEY}']),
            *([f"ssh-ed25519 {KEY}"], [f'command="x {KEY}'], [KEY[:-8]], [f"{KEY}AAAA"], [f"{KEY} \ud800"]),
            *([f"no-pty,{KEY}"], [f'pty="x" {KEY}'], [f"command {KEY}"], [f" {KEY}"], [f'from="a" , {KEY}']),
        ],
    ),
    ("installer.secureboot", [True, False], ["x"]),
    ("installer.target_devices", ["nvme0n1 mmcblk0", "disk/by-id/x"], ["a;b", "$x", 1]),
    ("apiEndpoint", ["https://api.example.org"], ["api.example.org", "javascript:x", 1]),
    ("logsEndpoint", ["logs.example.org"], ["a b"]),
    ("apiKey", ["0123456789abcdef"], ["a b", "a\nb", 1]),
    ("uuid", ["0" * 32, "a" * 62, "0011223"], ["0" * 6, "A" * 32, "g" * 32, "0" * 65, 1]),
    ("deviceId", [1, "1"], [-1, "x", 1.5]),
    ("registered_at", [1_700_000_000], ["now"]),
    ("applicationId", [1, "1"], [{}]),
    ("deviceType", ["raspberrypi4-64", "x"], ["Raspberry Pi", "a/b", "-a", 4]),
    ("initialDeviceName", ["black sheep", "ü"], ["a\nb", 1]),
    ("listenPort", [1, 48484, 65535, "48484"], [0, 65536, -1, "x", 1.0, True]),
    ("appUpdatePollInterval", [900000, "900000"], [0, "15 min", 1.5]),
]


def faults(path: str, value: object) -> list[str]:
    return [fault.message for fault in BY_PATH[path].kind.faults(value)]


@pytest.mark.parametrize(("path", "good", "bad"), TABLE, ids=[row[0] for row in TABLE])
def test_what_is_allowed_and_what_is_not(path: str, good: list[object], bad: list[object]) -> None:
    for value in good:
        assert faults(path, value) == [], value
    for value in (*bad, *HOSTILE):
        found = faults(path, value)
        assert found, value
        assert all(len(message) < 300 and "\n" not in message and "\0" not in message for message in found)


def test_every_kind_is_in_the_table() -> None:
    tried = {path for path, _, _ in TABLE}
    kinds = {id(BY_PATH[path].kind) for path in tried}
    left = [key.path for key in KEYS if id(key.kind) not in kinds and not key.owned]
    assert left == []


@pytest.mark.parametrize("path", [row[0] for row in TABLE])
def test_each_wrong_part_is_named(path: str) -> None:
    if path == "os.udevRules":
        found = list(BY_PATH[path].kind.faults({"ok": "", "a/b": "", "c": 1}))
        assert [fault.where for fault in found] == [".a/b", ".c"]
    elif path == "os.sshKeys":
        assert [fault.where for fault in BY_PATH[path].kind.faults([KEY, "x", KEY, "y"])] == ["[1]", "[3]"]
    else:
        assert {fault.where for fault in BY_PATH[path].kind.faults(object())} == {""}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A real one, by OpenSSL."""
    folder = tmp_path_factory.mktemp("ca")
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    words += ["-subj", "/CN=lab", "-keyout", folder / "key", "-out", folder / "pem"]
    subprocess.run(words, check=True, capture_output=True)
    return Path(folder / "pem").read_text()


def test_certificates_are_really_read(certificate: str) -> None:
    def told(pem: str) -> list[str]:
        return faults("balenaRootCA", base64.b64encode(pem.encode()).decode())

    assert told(certificate) == []
    assert told(certificate * 2) == []
    lines = certificate.splitlines()
    for damaged in (
        "\n".join([*lines[:3], *lines[4:]]),
        certificate.replace(lines[2], lines[2][::-1]),
        certificate.replace("END CERT", "END KEY"),
        certificate[: len(certificate) // 2],
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    ):
        assert told(damaged), damaged
    wrapped = "\n".join(base64.b64encode(certificate.encode()).decode()[at : at + 60] for at in range(0, 900, 60))
    assert faults("balenaRootCA", wrapped + base64.b64encode(certificate.encode()).decode()[900:]) == []


# -- the published schema ----------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
GOOD = st.sampled_from([(path, value) for path, good, _ in TABLE for value in good])


def config(path: str, value: object) -> dict[str, object]:
    for name in reversed(path.split(".")):
        value = {name: value}
    assert isinstance(value, dict)
    return value


@given(GOOD | st.tuples(st.sampled_from(sorted(BY_PATH)), JSON))
def test_the_schema_allows_what_a_kind_allows(row: tuple[str, object]) -> None:
    path, value = row
    whole = config(path, value)
    if not [fault for found, each in values(whole) for fault in faults(found, each)]:
        jsonschema.validate(whole, schema())


def test_the_schema_is_one_and_refuses_what_it_can() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    validator = jsonschema.Draft202012Validator(schema())
    for wrong in ({"hostname": 1}, {"os": []}, {"os": {"sshKeys": "x"}}, {"listenPort": 0}, {"country": "de"}):
        assert not validator.is_valid(wrong), wrong
    assert validator.is_valid({"new": {"key": 1}, "os": {"new": 1}, "hostname": None, "country": ""})


@given(st.dictionaries(st.sampled_from([*BY_PATH, *FOLDERS, "x"]), JSON, max_size=4))
def test_any_value_of_any_key_is_judged(config: dict[str, object]) -> None:
    for path, value in values(config):
        if path in BY_PATH:
            for message in faults(path, value):
                assert 0 < len(message) < 300
