"""A `Root` whose power can be cut before any of its writes."""

from __future__ import annotations

from pathlib import Path

from hal.errors import FileFault
from hal.program import Completed
from hal.root import Root


class PowerCut(BaseException):
    """The power goes away: nothing of this project runs any more."""


class CutRoot(Root):
    """A `Root` that counts durable writes. Before write `cuts[0]` the power is cut, and the counting begins anew.

    With `torn`, that write leaves what a medium may hold of it: the first sector, or a temporary file.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.count = 0
        self.cuts: list[int] = []
        self.torn = False
        self.refused: tuple[str, ...] = ()
        self.log: list[str] = []

    def _due(self, verb: str, name: str) -> bool:
        if self.refused and name.startswith(self.refused):
            raise FileFault(f"{name}: read-only file system", path=name)
        self.count += 1
        self.log.append(f"{verb} {name}")
        if self.cuts and self.count >= self.cuts[0]:
            self.cuts.pop(0)
            self.count = 0
            return True
        return False

    def replace(self, name: str, data: bytes, *, mode: int | None = None) -> None:
        if self._due("replace", name):
            path = self.resolve(name)
            if self.torn and path.parent.is_dir():
                path.with_name(f".{path.name}.hal-new").write_bytes(data[: len(data) // 2])
            raise PowerCut
        super().replace(name, data, mode=mode)

    def overwrite(self, name: str, data: bytes) -> None:
        if self._due("overwrite", name):
            if self.torn:
                path = self.resolve(name)
                path.write_bytes(data[:512] + path.read_bytes()[512:])
            raise PowerCut
        super().overwrite(name, data)

    def extend(self, name: str, data: bytes) -> None:
        if self._due("extend", name):
            if self.torn:
                path = self.resolve(name)
                path.write_bytes(path.read_bytes().ljust(len(data), b"\0"))
            raise PowerCut
        super().extend(name, data)

    def patch(self, name: str, offset: int, data: bytes) -> None:
        if self._due("patch", name):
            if self.torn:
                super().patch(name, offset, data[:512])
            raise PowerCut
        super().patch(name, offset, data)

    def write(self, name: str, value: str | bytes, *, create: bool = False) -> None:
        if self._due("write", name):
            raise PowerCut
        super().write(name, value, create=create)

    def remove(self, name: str) -> bool:
        if self.exists(name) and self._due("remove", name):
            raise PowerCut
        return super().remove(name)

    def run(self, argv, *, timeout_seconds, check=True, host=False) -> Completed:  # type: ignore[no-untyped-def]
        changes = argv[0] == "tegra-boot-control" and argv[1] not in ("-s", "-c")
        if changes and self._due("run", " ".join(argv)):
            raise PowerCut
        return super().run(argv, timeout_seconds=timeout_seconds, check=check, host=host)
