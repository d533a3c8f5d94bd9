"""hal/schema/config.json: the JSON Schema of config.json, from the table of its keys."""

from __future__ import annotations

import json

from hal.settings.keys import schema


def write() -> str:
    return json.dumps(schema(), indent=2) + "\n"
