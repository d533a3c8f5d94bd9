"""Who may log in, whom the device trusts, and development mode. Places and formats are those of meta-balena 8.0.2."""

from __future__ import annotations

import base64

from hal.model import Cost
from hal.settings.services.places import File
from hal.settings.services.service import Asked, Found, Service, TakeUp, Wanted, needs, restart
from hal.settings.values import truth

# -- SSH keys ----------------------------------------------------------------------------------------------------------

KEYS = File("home/root/.ssh/authorized_keys_local", mode=0o600, folder_mode=0o700)
"""At each connection the OS joins it with the cloud's keys into `authorized_keys`."""


def _keys(asked: Asked, found: Found) -> Wanted | None:
    """The sound lines, in their order. Where all that is asked was refused, those that may log in now still may."""
    if asked.is_wrong("os.sshKeys"):
        return None
    lines = asked.values.get("os.sshKeys") or []
    assert isinstance(lines, list)
    if not lines and any(path.startswith("os.sshKeys[") for path in asked.wrong):
        return None
    return {KEYS: "".join(f"{line}\n" for line in lines).encode() or None}


def _keys_words(found: Found) -> str:
    lines = [line for line in (found.get(KEYS) or b"").split(b"\n") if line.strip() and not line.startswith(b"#")]
    return f"{len(lines)} key{'' if len(lines) == 1 else 's'}"


SSH = Service(
    path="os.sshKeys",
    keys=("os.sshKeys",),
    places=lambda root: (KEYS,),
    wanted=_keys,
    words=_keys_words,
    absence=needs("sshd", "SSH"),
    cost=Cost.NONE,
    where=KEYS.name,
)

# -- root certificates -------------------------------------------------------------------------------------------------

CERTIFICATES = File("usr/share/ca-certificates/balena/balenaRootCA.crt", comment=None)


def _certificates(asked: Asked, found: Found) -> Wanted | None:
    if asked.is_wrong("balenaRootCA"):
        return None
    value = asked.values.get("balenaRootCA")
    return {CERTIFICATES: None if value is None else base64.b64decode("".join(str(value).split()))}


def _certificates_words(found: Found) -> str:
    """How many, and which: the start of their SHA-256, so that other certificates are another wish."""
    from hashlib import sha256

    data = found.get(CERTIFICATES)
    if data is None:
        return "none"
    number = data.count(b"-----BEGIN CERTIFICATE-----")
    return f"{number} certificate{'' if number == 1 else 's'}, {sha256(data).hexdigest()[:8]}"


ROOT_CA = Service(
    path="balenaRootCA",
    keys=("balenaRootCA",),
    places=lambda root: (CERTIFICATES,),
    wanted=_certificates,
    words=_certificates_words,
    absence=needs("update-ca-certificates", "store of root certificates"),
    take_up=(
        TakeUp(argv=("systemctl", "start", "bind-etc-ssl-certs.service")),
        TakeUp(argv=("update-ca-certificates",)),
    ),
    cost=Cost.REBOOT,
    outlives_boot=True,
    where=CERTIFICATES.name,
)

# -- development mode --------------------------------------------------------------------------------------------------

FLAG = File("var/volatile/development-features")
"""Its presence opens the consoles' logins; engine and sshd take their options from it."""
SSHD_CONFIG = "etc/ssh/sshd_config_development"


def _development(asked: Asked, found: Found) -> Wanted | None:
    """Logins over SSH need no password as long as the key for keys is not set; an empty list of keys is set."""
    if asked.is_wrong("developmentMode"):
        return None
    if not truth(asked.values.get("developmentMode", False)):
        return {FLAG: None}
    keyed = asked.is_wrong("os.sshKeys") or asked.values.get("os.sshKeys") is not None
    options = f"-f /{SSHD_CONFIG}" + (" -o PasswordAuthentication=no" if keyed else "")
    return {FLAG: f"SSHD_OPTS='{options}'\nBALENA_DEVELOPMENT_ARGS=\"-H tcp://0.0.0.0:2375\"\n".encode()}


def _development_words(found: Found) -> str:
    text = found.get(FLAG)
    if text is None:
        return "off"
    return "on, SSH with keys only" if b"PasswordAuthentication=no" in text else "on"


DEVELOPMENT = Service(
    path="developmentMode",
    keys=("developmentMode", "os.sshKeys"),
    places=lambda root: (FLAG,),
    wanted=_development,
    words=_development_words,
    absence=lambda root: None if root.exists(SSHD_CONFIG) else f"this OS has no development mode (no {SSHD_CONFIG})",
    take_up=(restart("development-features.target", wait=False),),
    units=("development-features.target (engine, serial logins)",),
    where=FLAG.name,
)
