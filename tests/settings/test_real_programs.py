"""The programs that read the rendered files accept them, over generated configurations, and read what was meant."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from settings.whole import SSH_KEY, certificate, nested

from hal import Root
from hal.settings.keys import BY_PATH, values
from hal.settings.services.access import CERTIFICATES, DEVELOPMENT, KEYS, ROOT_CA, SSH
from hal.settings.services.network import CHRONY, CONNECTIVITY, DNS, DNSMASQ, NM, NTP
from hal.settings.services.service import Asked, Service
from hal.settings.services.system import HOSTNAME, NAME

SECONDS = 30
EXAMPLES = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])

host = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z]{1,8}){0,2}", fullmatch=True)
address = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
port = st.integers(1, 65535).map("#{}".format)
hostile = st.text(st.sampled_from("a\\ =#;[]\"'$`%sé\u2028/&"), max_size=40)
blank = st.sampled_from([" ", "  "])


def rendered(service: Service, flat: dict[str, Any]) -> dict[str, bytes | None]:
    """What a service's places shall hold; every value is checked first, as a plan does."""
    for path, value in values(nested(flat)):
        assert list(BY_PATH[path].kind.faults(value)) == [], (path, value)
    wanted = service.wanted(Asked(values=dict(values(nested(flat)))), {})
    assert wanted is not None
    return {place.name: data for place, data in wanted.items()}


def run(*words: str | Path, **named: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        errors="surrogateescape",
        **named,
    )


@EXAMPLES
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "os.network.connectivity.uri": st.one_of(
                st.just("null"), host.map("https://{}/a?b=c#d%20%s".format), host.map("http://{}:80".format)
            ),
            "os.network.connectivity.interval": st.one_of(st.integers(0, 2**31 - 1), st.just("000"), st.just("07")),
            "os.network.connectivity.response": hostile,
            "os.network.wifi.randomMacAddressScan": st.sampled_from([True, False, "true", "0"]),
            "apiEndpoint": host.map("https://{}".format),
        },
    )
)
def test_networkmanager_reads_what_was_meant(flat: dict[str, Any]) -> None:
    data = rendered(CONNECTIVITY, flat)[NM.name] or b""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for each in ("conf.d", "lib", "state"):
            (folder / each).mkdir()
        (folder / "NetworkManager.conf").write_text("[main]\nplugins=keyfile\n")
        (folder / "conf.d/os-networkmanager.conf").write_bytes(data)
        done = run(
            "NetworkManager",
            "--print-config",
            *("--config", folder / "NetworkManager.conf", "--config-dir", folder / "conf.d"),
            *("--system-config-dir", folder / "lib", "--intern-config", folder / "state/intern.conf"),
        )
    assert (done.returncode, done.stderr) == (0, "")
    section, told = "", {}
    for line in done.stdout.split("\n"):
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            told[f"{section}.{key}"] = value
    asked = flat.get("os.network.connectivity.uri") or (
        f"{flat['apiEndpoint']}/connectivity-check" if "apiEndpoint" in flat else None
    )
    if asked is None:
        assert not any(key.startswith("connectivity") for key in told)
    elif asked == "null":
        assert told["connectivity.uri"] == ""
    else:
        assert told["connectivity.uri"] == asked
        wanted = flat.get("os.network.connectivity.interval")
        assert int(told["connectivity.interval"]) == (3600 if wanted is None else int(wanted))
        assert glib(told["connectivity.response"]) == (flat.get("os.network.connectivity.response") or "")
    if "os.network.wifi.randomMacAddressScan" in flat:
        yes = flat["os.network.wifi.randomMacAddressScan"] in (True, "true")
        assert told["device.wifi.scan-rand-mac-address"] == ("yes" if yes else "no")


def glib(value: str) -> str:
    """A value as g_key_file_get_string reads it."""
    for escape, character in (("\\s", " "), ("\\t", "\t")):
        head, tail = value, ""
        parts = head.split("\\\\")
        value = "\\\\".join(part.replace(escape, character) for part in parts) + tail
    return value.replace("\\\\", "\\")


@EXAMPLES
@given(st.lists(st.one_of(host, address), min_size=1, max_size=6), blank)
def test_chronyd_takes_every_source(names: list[str], between: str) -> None:
    data = rendered(CHRONY, {"ntpServers": between.join(names)})[NTP.name]
    assert data is not None
    with TemporaryDirectory() as name:
        file = Path(name, "chrony.conf")
        file.write_bytes(data)
        done = run("chronyd", "-p", "-f", file)
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in done.stdout.split("\n") if line.startswith("pool ")] == names


@EXAMPLES
@given(st.lists(st.one_of(address, st.tuples(address, port).map("".join), st.just("null")), max_size=6), blank)
def test_dnsmasq_takes_every_server(names: list[str], between: str) -> None:
    flat = {"dnsServers": between.join(names)} if names else {}
    data = rendered(DNSMASQ, flat)[DNS.name]
    assert data is not None
    with TemporaryDirectory() as name:
        file = Path(name, "servers")
        file.write_bytes(data)
        done = run("dnsmasq", "--test", "--conf-file=/dev/null", f"--servers-file={file}")
        assert done.returncode == 0, done.stderr
        as_lines = run("dnsmasq", "--test", f"--conf-file={file}")
    assert as_lines.returncode == 0, as_lines.stderr
    servers = [word for word in names if word != "null"] if names else ["8.8.8.8"]
    assert data.decode().split() == [f"server={word}" for word in servers]


@EXAMPLES
@given(st.lists(hostile.map(lambda text: f"{SSH_KEY} {text}".rstrip()), min_size=1, max_size=4), st.booleans())
def test_ssh_reads_every_key(keys: list[str], development: bool) -> None:
    data = rendered(SSH, {"os.sshKeys": keys})[KEYS.name]
    assert data is not None
    with TemporaryDirectory() as name:
        file = Path(name, "authorized_keys")
        file.write_bytes(data)
        done = run("ssh-keygen", "-l", "-f", file)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip("\n").split("\n")) == len(keys)


@pytest.mark.parametrize("keys", [None, [], [SSH_KEY]])
def test_sshd_takes_the_options_of_development_mode(keys: list[str] | None, tmp_path: Path) -> None:
    """Without the key for keys no password is asked for; an empty list is a key that is set, and nobody's way in."""
    flag = rendered(DEVELOPMENT, {"developmentMode": True, "os.sshKeys": keys})["var/volatile/development-features"]
    assert flag is not None
    (tmp_path / "flag").write_bytes(flag)
    told = run("sh", "-c", '. "$1"; printf "%s\n" "$SSHD_OPTS" "$BALENA_DEVELOPMENT_ARGS"', "sh", tmp_path / "flag")
    options, engine = told.stdout.strip().split("\n")
    assert engine == "-H tcp://0.0.0.0:2375"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "host")
    config = tmp_path / "sshd_config"
    config.write_text("PermitRootLogin yes\nPermitEmptyPasswords yes\n")
    Path("/run/sshd").mkdir(exist_ok=True)
    words = options.replace("/etc/ssh/sshd_config_development", str(config)).split()
    done = run("/usr/sbin/sshd", "-T", "-h", tmp_path / "host", *words)
    assert done.returncode == 0, done.stderr
    assert f"passwordauthentication {'yes' if keys is None else 'no'}\n" in done.stdout
    assert run("/usr/sbin/sshd", "-t", "-h", tmp_path / "host", *words).returncode == 0


def test_openssl_reads_the_certificate(tmp_path: Path) -> None:
    pem = base64.b64decode(certificate())
    folded = base64.encodebytes(pem).decode()
    for value in (certificate(), folded):
        data = rendered(ROOT_CA, {"balenaRootCA": value})[CERTIFICATES.name]
        assert data == pem
    (tmp_path / "ca.crt").write_bytes(pem)
    done = run("openssl", "x509", "-in", tmp_path / "ca.crt", "-noout", "-subject")
    assert done.stdout.strip().replace(" ", "").endswith("CN=lab")


@EXAMPLES
@given(host.filter(lambda name: len(name) <= 64), host.filter(lambda name: len(name) <= 64))
def test_a_name_is_read_as_systemd_reads_it(first: str, second: str) -> None:
    """The first line that is neither blank nor a comment; the file never shrinks."""
    with TemporaryDirectory() as name:
        root = Root(name)
        root.make_folder("etc")
        root.replace("etc/hostname", b"box\n")
        for each in (first, second):
            (wanted,) = [value for key, value in rendered(HOSTNAME, {"hostname": each}).items() if key == NAME.name]
            NAME.write(root, wanted)
            lines = [line for line in root.read_text("etc/hostname").split("\n") if line and not line.startswith("#")]
            assert (lines, NAME.read(root), root.size("etc/hostname")) == ([each], each.encode(), NAME.size)
