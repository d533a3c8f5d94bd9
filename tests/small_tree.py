"""A tree with a few files, for the tests of `Root`."""

from __future__ import annotations

from hal.root import Root

SECRET = "outside"


def link(root: Root, name: str, target: str) -> str:
    (root.directory / name).symlink_to(target)
    return name


def snapshot(root: Root) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.directory.rglob("*")) if path.is_file()}
