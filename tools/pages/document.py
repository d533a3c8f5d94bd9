"""capability-document.md: the published JSON Schema as tables and as it is, with an example."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import hal
from hal.device import Device
from hal.document import capabilities
from hal.plugins import Catalog
from hal.tree.new import new_tree
from tools.pages.markdown import code, page, prose, table

SCHEMA = Path(hal.__file__).parent / "schema" / "capabilities.json"
EXAMPLE = "jetson-agx-orin-devkit"


def write() -> str:
    schema = json.loads(SCHEMA.read_text())
    catalog = Catalog()
    plugin, row = catalog.device_type(EXAMPLE)
    with tempfile.TemporaryDirectory() as folder:
        new_tree(row, plugin, Path(folder))
        example = capabilities(Device.open(folder, catalog=catalog))
    columns = ("Path", "Type", "Meaning")
    parts = [
        prose(f"{schema['description']} The same comes from `hal.document.capabilities(device)` in Python."),
        prose(
            f"""`schema` is {schema["properties"]["schema"]["const"]}. Keys may be added without a rise of it, so read
            the keys you know and pass over the others. A key is there even where nothing is known: its value is then
            `null` or an empty list, except where the table says that it may be missing. `[]` in a path stands for each
            item of a list."""
        ),
        "## The document",
        table(columns, schema_rows(schema, "")),
        "## Parts that occur in several places",
    ]
    for name, part in schema["$defs"].items():
        parts += [f"### {name}", part.get("description", "") if part["type"] == "object" else ""]
        parts.append(table(columns, schema_rows(part, "") or [("", *schema_cells(part))]))
    shown = json.dumps(example, indent=2)
    parts += ["## An example", f"A generated tree of `{EXAMPLE}`:", f"```json\n{shown}\n```"]
    parts += ["## The schema", "In an installation it is `hal/schema/capabilities.json`."]
    parts.append(f"```json\n{SCHEMA.read_text().strip()}\n```")
    return page("Capability document", *parts)


def schema_rows(node: dict[str, Any], path: str, needed: bool = True) -> list[tuple[str, str, str]]:
    """One row for each value below `node`; what `$ref` names has a table of its own."""
    rows = [(code(path), *schema_cells(node, needed))] if path else []
    for part in (node, *node.get("anyOf", ())):
        for name, item in part.get("properties", {}).items():
            rows += schema_rows(item, f"{path}.{name}" if path else name, name in part.get("required", ()))
        if "items" in part:
            rows += schema_rows(part["items"], f"{path}[]")[1:]
    return rows


LIMITS = {
    "minimum": "At least {}.",
    "maximum": "At most {}.",
    "minItems": "At least {} item.",
    "minLength": "At least {} character.",
}


def schema_cells(node: dict[str, Any], needed: bool = True) -> tuple[str, str]:
    """Type and meaning of one value."""
    meaning = [node["description"]] if "description" in node else []
    meaning += [words.format(node[key]) for key, words in LIMITS.items() if key in node]
    meaning += [f"Matches `{node['pattern']}`."] if "pattern" in node else []
    return schema_type(node) + ("" if needed else ", may be missing"), " ".join(meaning)


def schema_type(node: dict[str, Any]) -> str:
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "const" in node:
        return code(json.dumps(node["const"]))
    if "enum" in node:
        return " or ".join(code(json.dumps(value)) for value in node["enum"])
    if "anyOf" in node:
        return " or ".join(schema_type(part) for part in node["anyOf"])
    if node.get("type") == "array":
        return f"list of {schema_type(node['items'])}"
    types = node["type"] if isinstance(node["type"], list) else [node["type"]]
    return " or ".join(types)
