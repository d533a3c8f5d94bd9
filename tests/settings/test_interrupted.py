"""`hal apply` interrupted before, in and behind each of its writes and programs: each setting is old or new, and the
next apply finishes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from settings.whole import FAMILIES, files, opened, put, whole

from hal import Root
from hal.errors import FileFault

Tree = Callable[[str], Root]
ASKING = (("iw", "reg", "get"), ("systemctl", "is-active"), ("nvfancontrol", "-q"), ("nvpmodel", "-q"))
NEW = {
    "hostname": "orchard",
    "balenaRootCA": ...,
    "dnsServers": "192.0.2.54",
    "ntpServers": "other.example.org",
    "country": "FR",
}


class PowerCut(BaseException):
    """Nothing runs any more."""


class CutRoot(Root):
    """Interrupts the write or program numbered `at`: it fails, or the power goes before it, or in its midst."""

    def __init__(self, directory: Path, at: int = 0, mode: str = "") -> None:
        super().__init__(directory)
        self.at, self.mode, self.seen = at, mode, 0

    def _interrupt(self, call, name, *arguments, torn=None, **named):  # type: ignore[no-untyped-def]
        self.seen += 1
        if self.seen != self.at:
            return call(name, *arguments, **named)
        if self.mode == "fails":
            raise FileFault(f"{name}: input/output error", path=str(name))
        if self.mode == "torn" and torn:
            torn()
        raise PowerCut

    def write(self, name, *arguments, **named):  # type: ignore[no-untyped-def]
        return self._interrupt(super().write, name, *arguments, **named)

    def replace(self, name, data, **named):  # type: ignore[no-untyped-def]
        def torn() -> None:
            path = self.resolve(name)
            path.with_name(f".{path.name}.hal-new").write_bytes(data[: len(data) // 2])

        return self._interrupt(super().replace, name, data, torn=torn, **named)

    def overwrite(self, name, *arguments, **named):  # type: ignore[no-untyped-def]
        return self._interrupt(super().overwrite, name, *arguments, **named)

    def extend(self, name, data):  # type: ignore[no-untyped-def]
        def torn() -> None:
            path = self.resolve(name)
            path.write_bytes(path.read_bytes().ljust(len(data), b"\0"))

        return self._interrupt(super().extend, name, data, torn=torn)

    def remove(self, name):  # type: ignore[no-untyped-def]
        return self._interrupt(super().remove, name) if self.exists(name) else False

    def run(self, argv, **named):  # type: ignore[no-untyped-def]
        if any(tuple(argv[: len(asking)]) == asking for asking in ASKING):
            return super().run(argv, **named)
        return self._interrupt(super().run, argv, **named)


def reboot(root: Root) -> None:
    """What does not outlive a boot goes; the regulatory domain and the kernel's host name are not in force any more."""
    shutil.rmtree(root.resolve("run/hal"), ignore_errors=True)


@pytest.mark.parametrize("mode", ["fails", "before", "torn"])
@pytest.mark.parametrize("slug", FAMILIES[:3:2])
def test_every_interruption_is_finished_by_the_next_apply(slug: str, mode: str, tmp_path: Path, hal_tree: Tree) -> None:
    first = hal_tree(slug)
    put(first, whole(slug))
    device = opened(first, slug)
    device.apply(device.plan())
    old = files(first)
    put(first, whole(slug, **NEW))
    shutil.copytree(first.directory, tmp_path / "done", symlinks=True)
    counted = CutRoot(tmp_path / "done")
    device = opened(counted, slug)
    device.apply(device.plan())
    new, number = files(counted), counted.seen
    assert number > 4 * 3, "four settings were to change"
    for at in range(1, number + 1):
        place = tmp_path / f"{at}"
        shutil.copytree(first.directory, place, symlinks=True)
        cut = CutRoot(place, at, mode)
        device = opened(cut, slug)
        with suppress(PowerCut, FileFault):
            device.apply(device.plan())
        now = files(Root(place))
        mixed = [
            name
            for name, data in now.items()
            if data not in (old.get(name), new.get(name))
            and not name.endswith(".hal-new")
            and not name.startswith(("run/hal/", "mnt/state/hal-"))
            and not (name == "etc/hostname" and data.rstrip(b"\n\0") in (b"greenhouse", b"orchard"))
        ]
        assert mixed == [], f"interruption {at}"
        if mode != "fails":
            reboot(Root(place))
        device = opened(Root(place), slug)
        assert all(result.error is None for result in device.apply(device.plan())), f"interruption {at}"
        assert {name: data for name, data in files(Root(place)).items() if not name.endswith(".hal-new")} == new
        assert opened(Root(place), slug).plan().changes == ()
        shutil.rmtree(place)


def test_what_no_service_has_read_is_seen_without_a_reboot(hal_tree: Tree) -> None:
    """The files are right, but the process ended before dnsmasq was restarted."""
    slug = FAMILIES[2]
    root = hal_tree(slug)
    put(root, {"deviceType": slug, "dnsServers": "192.0.2.1"})
    (root.directory / "usr/bin/systemctl").rename(root.directory / "usr/bin/systemctl.away")
    device = opened(root, slug)
    (failed,) = [each for each in device.apply(device.plan()) if each.error]
    assert "dnsServers: written, but not read by the service yet" in str(failed.error)
    (root.directory / "usr/bin/systemctl.away").rename(root.directory / "usr/bin/systemctl")
    (planned,) = opened(root, slug).plan().changes
    assert (planned.change.previous, planned.change.value) == ("192.0.2.1, not read yet", "192.0.2.1")
    device = opened(root, slug)
    device.apply(device.plan())
    assert root.read_text("run/hal-tree/log").count("restart dnsmasq") == 1
    assert opened(root, slug).plan().changes == ()
