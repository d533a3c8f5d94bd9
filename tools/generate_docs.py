"""Writes what is computed from the project: pages of docs/, and the schema of config.json.

    python tools/generate_docs.py            write them
    python tools/generate_docs.py --check    exit status 1, and the names of the pages that are out of step

The same project gives the same bytes.
"""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = {
    "docs/hooks.md": "hooks",
    "docs/support-matrix.md": "matrix",
    "docs/capability-document.md": "document",
    "docs/config-json.md": "config",
    "docs/what-applies.md": "applies",
    "docs/at-commands.md": "at_commands",
    "hal/schema/config.json": "config_schema",
}
"""Each file, with the module of `tools.pages` whose `write` gives its text."""


def text(name: str) -> str:
    sys.path[:0] = [] if str(REPOSITORY) in sys.path else [str(REPOSITORY)]
    return str(import_module(f"tools.pages.{PAGES[name]}").write())


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the generated pages of the documentation.")
    parser.add_argument("--check", action="store_true", help="write nothing; name what is out of step")
    parser.add_argument("--directory", type=Path, default=REPOSITORY, help="the repository they are in")
    options = parser.parse_args(arguments)
    stale = 0
    for name in PAGES:
        file: Path = options.directory / name
        old, new = file.read_text() if file.is_file() else "", text(name)
        if old == new:
            continue
        if not options.check:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(new)
            continue
        stale += 1
        print(f"{name} is out of step; run `make docs-write`", file=sys.stderr)
        difference = [*difflib.unified_diff(old.splitlines(), new.splitlines(), name, "computed", lineterm="", n=0)]
        for line in difference[:8]:
            print(f"    {line}", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
