"""config-json.md: every key of config.json, what it may be, who reads it and what a change costs."""

from __future__ import annotations

from hal.model import Cost
from hal.settings.keys import KEYS, Key
from hal.settings.services.table import ENGINE, SERVICES
from tools.pages import config_schema
from tools.pages.markdown import code, page, prose, table

COSTS = {Cost.NONE: "", Cost.SERVICE_RESTART: "service restart", Cost.REBOOT: "reboot"}


def applied(key: Key) -> str:
    """Where `hal apply` puts a key, and which units then read it."""
    if key.owned:
        return "the board's own setting"
    for service in (*SERVICES, *ENGINE):
        if key.path in service.keys and (key.path == service.path or key.path.startswith(f"{service.path}.")):
            units = f"; {', '.join(map(code, service.units))}" if service.units else ""
            return f"{code(service.where) if ' ' not in service.where else service.where}{units}"
    return ""


def write() -> str:
    return page(
        "config.json",
        prose(
            """What a device is configured with is in `config.json` on its boot partition. `hal plan` reads all of it: a
            wrong value is refused by its path and never stops another one, a key that is not in this table is kept and
            named. `null` and an empty text mean that a key is not set."""
        ),
        prose(
            """A file that is no JSON is left as it is. `hal plan` and `hal apply` say in which line and column it ends
            to be one, take the last good copy in its place, and end with 1. That copy is kept by `hal apply` in
            `mnt/state/hal-config.json`, readable for root alone."""
        ),
        prose(
            """`hal config set` changes a key where it stands and leaves every other byte as it is. The supervisor keeps
            config.json in memory and may write its `os` object over what others changed meanwhile; where it runs, its
            variables are the place for power mode and fan profile."""
        ),
        "## Keys",
        prose(
            """*Cost* is what the OS needs before a change is in effect. The last column says where `hal apply` writes
            what a key asks for, and what it restarts or reloads so that it is read; keys without are read by the
            supervisor and other programs themselves. How that is kept safe is decision
            [0019](decisions/0019-what-services-read.md)."""
        ),
        table(
            ("Key", "Value", "Meaning", "Where it is not set", "Read by", "Cost", "By `hal apply`"),
            [
                (
                    code(key.path),
                    key.kind.words,
                    key.means,
                    code(key.default) if key.default[:1] in "<0123456789" else key.default,
                    key.reader,
                    COSTS[key.cost],
                    applied(key),
                )
                for key in KEYS
            ],
        ),
        "## The schema",
        prose(
            """In an installation it is `hal/schema/config.json`. It allows more than `hal plan` does: JSON Schema
            cannot say what a certificate or a host name is."""
        ),
        f"```json\n{config_schema.write().strip()}\n```",
    )
