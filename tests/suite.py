"""Runs one file of the conformance suite on plugins of a site, and tells which of its tests fail for which plugin."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from conftest import Site


def failures(site: Site, tmp_path: Path, suite: str, plugins: Sequence[str]) -> tuple[set[tuple[str, str]], str]:
    """The names of tests that fail, each with its plugin, and all that pytest printed."""
    chosen = [word for plugin in plugins for word in ("--hal-plugin", plugin)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *chosen, suite],
        cwd=tmp_path,
        env=site.environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return set(re.findall(r"^FAILED \S+::(test_\w+)\[(\w+)\]", done.stdout, re.MULTILINE)), done.stdout
