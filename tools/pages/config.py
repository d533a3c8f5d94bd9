"""config-json.md: every key of config.json, what it may be, who reads it and what a change costs."""

from __future__ import annotations

from hal.model import Cost
from hal.settings.keys import KEYS
from tools.pages import config_schema
from tools.pages.markdown import code, page, prose, table

COSTS = {Cost.NONE: "", Cost.SERVICE_RESTART: "service restart", Cost.REBOOT: "reboot"}


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
        "## Keys",
        prose(
            """*Cost* is what the OS needs before a change is in effect. `hal apply` puts the keys marked *applied* into
            effect; the others are read by services of the OS and of the supervisor themselves."""
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
                    "applied" if key.owned else "",
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
