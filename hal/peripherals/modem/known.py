"""Every modem model that is known on a device, with where it comes from.

In this order, the first that knows a model or an identity counts: files that a user put on the boot partition, files
of the image, overrides of usb_modeswitch, the plugins, and the entries packed with usb-modeswitch's data, where that
package is on the device. A file that cannot be used is named, and the rest still counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from io import BytesIO

from attrs import evolve, frozen

from hal.errors import Damaged, HalError
from hal.model import ModemModel, UsbIdentity
from hal.peripherals.modem.conf import is_on
from hal.peripherals.modem.entry import NAME, read_entry
from hal.peripherals.modem.file import read_models
from hal.record import Record
from hal.root import Root

FOLDERS = ("mnt/boot/modems.d", "etc/hal/modems.d")
"""Where model files are, `*.toml`: the user's, which outlives an update, and the image's."""
OVERRIDES = "etc/usb_modeswitch.d"
PACKED = "usr/share/usb_modeswitch/configPack.tar.gz"
UNPACKED = "usr/share/usb_modeswitch"
_USER, _IMAGE, _OVERRIDE, _PLUGIN, _DATA, _LAST = range(6)
_MAX_ENTRY = 64 * 1024


@frozen(kw_only=True, repr=False, eq=False)
class KnownModel(Record):
    """A model, and where it comes from: a file below the root, or a plugin. A lower `rank` counts first."""

    model: ModemModel
    origin: str
    rank: int


class Known:
    """What is known, and what could not be used. As many models as one likes cost a device one look-up."""

    def __init__(self, models: Iterable[KnownModel], faults: Iterable[HalError] = ()) -> None:
        self.models = tuple(models)
        self.faults = tuple(faults)
        self._by_ids: dict[tuple[int, int], list[tuple[UsbIdentity, KnownModel]]] = {}
        for known in self.models:
            for identity in known.model.identities:
                self._by_ids.setdefault(identity.ids, []).append((identity, known))

    def shown_by(self, vendor_id: int, product_id: int) -> tuple[tuple[UsbIdentity, KnownModel], ...]:
        """Who shows these ids, the first to count first; one that texts narrow down before one that shows them only."""
        found = self._by_ids.get((vendor_id, product_id), ())
        return tuple(sorted(found, key=lambda pair: (pair[1].rank, not narrows(pair[0]))))


def narrows(identity: UsbIdentity) -> bool:
    """Whether more than the ids must fit."""
    return any((identity.manufacturer, identity.product, identity.scsi_vendor, identity.scsi_model))


def has_files(root: Root) -> bool:
    """Whether there is a model file, sound or not."""
    return any(name.endswith(".toml") for folder in FOLDERS for name in root.listdir(folder))


def know(
    root: Root, plugins: Mapping[str, Iterable[ModemModel]], *, present: Iterable[tuple[int, int]] | None = None
) -> Known:
    """Everything known below `root`; `plugins` are the models by the plugin that told them.

    Of the packed entries only those are read whose ids are `present`, by default all.
    """
    wanted = None if present is None else {f"{vendor:04x}:{product:04x}" for vendor, product in present}
    faults: list[HalError] = []
    models = {
        (each.name, each.maker): KnownModel(model=each, origin=plugin, rank=_PLUGIN)
        for plugin, told in plugins.items()
        for each in told
    }
    for rank, folder in ((_IMAGE, FOLDERS[1]), (_USER, FOLDERS[0])):
        for name in root.glob(f"{folder}/*.toml"):
            try:
                _apply(models, root, name, rank)
            except HalError as error:
                faults.append(error)
    entries = [*_overrides(root, faults), *_entries(root, faults, wanted)]
    if is_on(root, "DisableMBIMGlobal"):
        entries = [evolve(each, model=evolve(each.model, prefers=())) for each in entries]
    return Known((*models.values(), *entries), faults)


def _apply(models: dict[tuple[str, str], KnownModel], root: Root, name: str, rank: int) -> None:
    """Add and change what a file gives; all of it or nothing."""
    changed: dict[tuple[str, str], KnownModel] = {}
    for given in read_models(root, name):
        maker = given.fields.get("maker")
        fits = [key for key in {**models, **changed} if key[0] == given.name and maker in (None, key[1])]
        if len(fits) > 1:
            raise Damaged(
                f"{given.name!r} is a model of {' and of '.join(sorted(key[1] for key in fits))}; name its maker",
                path=name,
            )
        before = {**models, **changed}[fits[0]] if fits else None
        model = given.applied(before.model if before else None)
        changed[(model.name, model.maker)] = KnownModel(model=model, origin=name, rank=rank)
    models |= changed


def _overrides(root: Root, faults: list[HalError]) -> Iterator[KnownModel]:
    """What an administrator put in place of packed entries."""
    for name in root.glob(f"{OVERRIDES}/*"):
        base = name.rpartition("/")[2]
        if NAME.fullmatch(base):
            yield from _entry(base, name, _OVERRIDE, faults, partial(root.read_bytes, name, limit=_MAX_ENTRY))


def _entries(root: Root, faults: list[HalError], wanted: set[str] | None) -> Iterator[KnownModel]:
    """The entries of usb-modeswitch's data: packed into an archive, or one file each."""

    def is_wanted(base: str) -> bool:
        return NAME.fullmatch(base) is not None and (wanted is None or base[:9].lower() in wanted)

    if wanted is not None and not wanted:
        return
    if root.is_file(PACKED):
        import tarfile
        import zlib

        try:
            archive = tarfile.open(fileobj=BytesIO(root.read_bytes(PACKED)), mode="r:gz")  # noqa: SIM115 - memory only
            members = [
                each for each in archive.getmembers() if each.isreg() and is_wanted(each.name.rpartition("/")[2])
            ]
        except (HalError, tarfile.TarError, OSError, EOFError, zlib.error) as error:
            faults.append(error if isinstance(error, HalError) else Damaged(f"no archive: {error}", path=PACKED))
            return
        for each in members:
            base = each.name.rpartition("/")[2]
            if each.size <= _MAX_ENTRY and (file := archive.extractfile(each)) is not None:
                yield from _entry(base, f"{PACKED}:{base}", _DATA, faults, file.read)
        return
    for name in root.glob(f"{UNPACKED}/*"):
        base = name.rpartition("/")[2]
        if is_wanted(base):
            yield from _entry(base, name, _DATA, faults, partial(root.read_bytes, name, limit=_MAX_ENTRY))


def _entry(
    base: str, origin: str, rank: int, faults: list[HalError], read: Callable[[], bytes]
) -> Iterator[KnownModel]:
    """One entry. Without a way to switch it tells nothing that a plugin does not know better, so it counts last."""
    try:
        model = read_entry(base, read(), origin)
    except HalError as error:
        faults.append(error)
        return
    switches = any(identity.switch is not None for identity in model.identities)
    yield KnownModel(model=model, origin=origin, rank=rank if switches else _LAST)
