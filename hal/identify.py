"""Which device type was this system built for, and on which board does it run?

Two questions, two kinds of evidence. *Software* evidence names the device type: config.json, then device-type.json,
then os-release. *Hardware* evidence names the board: the device tree's `compatible` list, most specific first, the
model, and DMI. The software answer decides; hardware confirms it, or its contradiction is news (an SD card was moved).
Without any software evidence the hardware narrows to the device types made for that very board: one left is the
answer, several are an error that names them. A fallback name further down the `compatible` list says that a board
resembles another, not that it is one, so it makes a relative and never an answer. Nothing is stored: a card may be in
another board tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from attrs import evolve, frozen

from hal.errors import BoardAmbiguous, BoardUnknown, FileFault, HalError
from hal.json_file import read_object
from hal.model import Board, Candidate, DeviceType, Evidence, Identity
from hal.plugins import Catalog
from hal.record import Record
from hal.root import Root

CONFIG = "mnt/boot/config.json"
DEVICE_TYPE = "mnt/boot/device-type.json"
OS_RELEASE = ("etc/os-release", "mnt/boot/os-release")
DEVICE_TREE = ("proc/device-tree", "sys/firmware/devicetree/base")
DMI = "sys/class/dmi/id/modalias"


@frozen(kw_only=True, repr=False, eq=False)
class Hardware(Record):
    """What the board says of itself."""

    compatible: tuple[str, ...] = ()
    model: str | None = None
    dmi: str | None = None

    @property
    def present(self) -> bool:
        """Whether there is any hardware evidence at all."""
        return bool(self.compatible or self.dmi)

    @property
    def words(self) -> str:
        """The board in one phrase, for messages."""
        if self.compatible:
            return self.compatible[0] + (f" ({self.model})" if self.model else "")
        return self.dmi or "a board that says nothing of itself"

    def modaliases(self) -> tuple[str, ...]:
        """The `of:` modalias of the whole list, one for each name alone, and the DMI modalias."""
        names = [name.replace(" ", "_") for name in self.compatible]
        found = [f"of:N*T*C{'C'.join(names)}"] if len(names) > 1 else []
        found += [f"of:N*T*C{name}" for name in names]
        return (*found, self.dmi) if self.dmi else tuple(found)


@frozen(kw_only=True, repr=False, eq=False)
class Fit(Record):
    """How well a board row fits the hardware: `position` of its name in the list (0 is exact), and its model."""

    board: Board
    position: int
    model_fits: bool
    reason: str

    @property
    def rank(self) -> tuple[int, int]:
        """Lower is better."""
        return self.position, 0 if self.model_fits else 1


def identify(root: Root, catalog: Catalog, board: str | None = None) -> Identity:
    """Identify the system below `root`; `board` overrides with a slug or alias.

    Raises `BoardUnknown` (nothing fits, with the closest relatives), `BoardAmbiguous` (several fit, named) or
    `PluginFault` (the owner is broken). Both board errors carry `evidence` as an attribute.
    """
    hardware = read_hardware(root)
    evidence = [*hardware_evidence(hardware)]
    try:
        return _decide(root, catalog, board, hardware, evidence)
    except BoardUnknown as error:
        error.evidence = tuple(evidence)
        raise


def _decide(
    root: Root, catalog: Catalog, override: str | None, hardware: Hardware, evidence: list[Evidence]
) -> Identity:
    software = list(software_evidence(root))
    if override is not None:
        plugin, row = catalog.device_type(override)
        forced = Evidence(kind="override", source="--board", value=override, verdict=f"decides: {row.slug}")
        evidence[:0] = [forced, *(evolve(e, verdict=e.verdict or "not asked: overridden") for e in software)]
        identity = _confirm(plugin, row, hardware, evidence)
        warning = f"the device type {row.slug} was given by --board, not found out"
        return evolve(identity, warnings=(warning, *identity.warnings))

    decided: tuple[str, DeviceType] | None = None
    unknown: list[str] = []
    warnings: list[str] = []
    weighed: list[Evidence] = []
    for item in software:
        if item.value is None:
            weighed.append(item)
        elif decided is not None and item.value in (*decided[1].names(), decided[1].machine):
            weighed.append(evolve(item, verdict="agrees"))
        elif not catalog.index.owners(name := item.value if decided else _meant(catalog, item)):
            weighed.append(evolve(item, verdict="no installed plugin owns this device type"))
            unknown.append(f"{item.source} says {item.value!r}, which no installed plugin owns")
        elif decided is None:
            try:
                decided = catalog.device_type(name)
            except HalError as error:
                evidence[:0] = [*weighed, evolve(item, verdict=f"cannot decide: {error.message}")]
                raise
            alias = "" if item.value == decided[1].slug else f", which {item.value!r} means"
            weighed.append(evolve(item, verdict=f"decides: {decided[1].slug}{alias}"))
        else:
            weighed.append(evolve(item, verdict=f"disagrees, and stands behind what decided {decided[1].slug}"))
            warnings.append(f"{item.source} says {item.value!r}, but the system is taken for {decided[1].slug}")
    evidence[:0] = weighed

    if decided is not None:
        identity = _confirm(*decided, hardware, evidence)
        return evolve(identity, warnings=(*unknown, *warnings, *identity.warnings))
    if unknown:
        raise BoardUnknown(f"{unknown[0]}; {_relatives(catalog, hardware, slug=software_slug(software))}")
    return _narrow(catalog, hardware, evidence)


def _meant(catalog: Catalog, item: Evidence) -> str:
    """The slug or alias that software evidence means: a MACHINE that is neither means the one type built as it."""
    name = item.value or ""
    if catalog.index.owners(name) or not item.source.endswith(" MACHINE"):
        return name
    rows = [row for module in catalog.index.board_modules() for row in catalog.table(module) if row.machine == name]
    return rows[0].slug if len(rows) == 1 else name


def software_slug(software: Iterable[Evidence]) -> str | None:
    """The first slug that software evidence names."""
    return next((item.value for item in software if item.value is not None), None)


def software_evidence(root: Root) -> Iterable[Evidence]:
    """What the system was built for, strongest first; a file that is missing or damaged is evidence of nothing."""
    for name, key in ((CONFIG, "deviceType"), (DEVICE_TYPE, "slug")):
        yield _json_evidence(root, name, key)
    for name in OS_RELEASE:
        try:
            fields = parse_os_release(root.read_text(name))
        except FileFault as error:
            yield Evidence(kind="software", source=name, verdict=f"tells nothing: {error.message}")
            continue
        slug = fields.get("SLUG")
        key = "SLUG"
        if not slug:
            slug, key = fields.get("MACHINE") or None, "MACHINE"
        verdict = "" if slug else "tells nothing: neither SLUG nor MACHINE in it"
        yield Evidence(kind="software", source=f"{name} {key}", value=slug, verdict=verdict)


def _json_evidence(root: Root, name: str, key: str) -> Evidence:
    source = f"{name} {key}"
    try:
        value = read_object(root, name).get(key)
    except HalError as error:
        return Evidence(kind="software", source=source, verdict=f"tells nothing: {error.message}")
    if value is None:
        return Evidence(kind="software", source=source, verdict=f"tells nothing: no {key} in it")
    if not isinstance(value, str) or not value or not value.isprintable():
        return Evidence(kind="software", source=source, verdict=f"tells nothing: {key} is not a text but {value!r:.60}")
    return Evidence(kind="software", source=source, value=value, verdict="")


def parse_os_release(text: str) -> dict[str, str]:
    """Keys and values of an os-release file; quotes are removed, lines of another form ignored."""
    fields = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and key and not key.startswith("#"):
            if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            fields[key] = value
    return fields


def read_hardware(root: Root) -> Hardware:
    """What the board says of itself; all of it may be missing."""
    compatible: tuple[str, ...] = ()
    model = None
    for folder in DEVICE_TREE:
        with suppress(FileFault):
            data = root.read_bytes(f"{folder}/compatible", limit=64 * 1024)
            names = [name.decode("ascii", "replace") for name in data.split(b"\0") if name]
            if names:
                compatible = tuple(names)
                model = root.read_value(f"{folder}/model") or None
                break
    return Hardware(compatible=compatible, model=model, dmi=root.read_value(DMI) or None)


def hardware_evidence(hardware: Hardware) -> tuple[Evidence, ...]:
    """The hardware evidence as read; what it decides is added by whoever weighs it."""
    absent = "not there: normal on a PC" if hardware.dmi else "not there"
    found = [
        Evidence(
            kind="hardware",
            source="device tree compatible",
            value=", ".join(hardware.compatible) or None,
            verdict="the board's own name comes first, what it resembles behind" if hardware.compatible else absent,
        )
    ]
    if hardware.compatible:
        found.append(
            Evidence(
                kind="hardware",
                source="device tree model",
                value=hardware.model,
                verdict="tells boards apart that share a name; never decides alone",
            )
        )
    if hardware.dmi:
        found.append(Evidence(kind="hardware", source="DMI modalias", value=hardware.dmi, verdict="a PC's name"))
    return tuple(found)


def fit(boards: Sequence[Board], hardware: Hardware) -> Fit | None:
    """The board row that fits best, or `None`."""
    from fnmatch import fnmatchcase

    best: Fit | None = None
    for row in boards:
        positions = [hardware.compatible.index(name) for name in row.compatible if name in hardware.compatible]
        if positions:
            position = min(positions)
            prefix = next((m for m in row.models if hardware.model and hardware.model.startswith(m)), None)
            reason = f"device tree says {hardware.compatible[position]}"
            if prefix:
                reason += f", model begins {prefix!r}"
            found = Fit(board=row, position=position, model_fits=prefix is not None, reason=reason)
        elif hardware.dmi and any(fnmatchcase(hardware.dmi, pattern) for pattern in row.dmi):
            found = Fit(board=row, position=0, model_fits=True, reason="DMI modalias")
        else:
            continue
        if best is None or found.rank < best.rank:
            best = found
    return best


def _confirm(plugin: str, row: DeviceType, hardware: Hardware, evidence: list[Evidence]) -> Identity:
    """The device type is known; say on which board it runs, and whether it is made for that."""
    warnings: tuple[str, ...] = ()
    found = fit(row.boards, hardware)
    reasons = [item.source for item in evidence if item.verdict.startswith("decides")]
    if found is not None and found.position == 0:
        verdict = f"{row.slug} is made for this board: {found.board.name}"
        reasons.append(found.reason)
    elif found is not None:
        verdict = f"resembles {found.board.name}, which {row.slug} is made for, but has a name of its own"
        reasons.append(f"{found.reason}, behind {hardware.compatible[0]}")
    elif not row.boards:
        verdict = f"no hardware evidence is known for {row.slug}"
    elif hardware.present:
        made_for = ", ".join(board.name for board in row.boards)
        verdict = f"{row.slug} is made for {made_for}, not for {hardware.words}"
        warnings = (f"this system was built for {row.slug} ({made_for}), but runs on {hardware.words}",)
    else:
        verdict = "the hardware says nothing of itself"
    evidence.append(Evidence(kind="hardware", source="comparison", value=hardware.words, verdict=verdict))
    candidate = Candidate(slug=row.slug, name=row.name, plugin=plugin, rank=0, reasons=tuple(reasons))
    return Identity(
        device_type=row,
        plugin=plugin,
        board=found.board if found is not None and found.position == 0 else None,
        compatible=hardware.compatible,
        model=hardware.model,
        dmi=hardware.dmi,
        evidence=tuple(evidence),
        candidates=(candidate,),
        warnings=warnings,
    )


def _narrow(catalog: Catalog, hardware: Hardware, evidence: list[Evidence]) -> Identity:
    """No software evidence: the device types made for this very board, best first; one is the answer."""
    owners: dict[str, tuple[str, DeviceType]] = {}
    fits: list[tuple[Fit, DeviceType]] = []
    asked = catalog.index.matching(hardware.modaliases())
    for module in asked:
        for row in catalog.table(module):
            found = fit(row.boards, hardware)
            if found is not None and found.position == 0 and row.slug not in owners:
                owners[row.slug] = module, row
                fits.append((found, row))
    fits.sort(key=lambda pair: (pair[0].rank, pair[1].slug))
    if not fits:
        if not hardware.present:
            raise BoardUnknown(
                "nothing here names a device type (config.json, device-type.json, os-release) or a board "
                "(device tree, DMI); give --board SLUG"
            )
        broken = [p for p in catalog.problems if p.plugin in asked and not catalog.table(p.plugin)]
        perhaps = "".join(f"; the plugin {p.plugin} might, but {p.message}" for p in broken)
        raise BoardUnknown(
            f"no installed plugin knows this board, {hardware.words}{perhaps}; {_relatives(catalog, hardware)}"
        )
    candidates = tuple(
        Candidate(slug=row.slug, name=row.name, plugin=owners[row.slug][0], rank=place, reasons=(found.reason,))
        for place, (found, row) in enumerate(fits)
    )
    best = [row.slug for found, row in fits if found.rank == fits[0][0].rank]
    fitting = ", ".join(best)
    if len(best) > 1:
        evidence.append(
            Evidence(kind="hardware", source="comparison", value=hardware.words, verdict=f"fits all of: {fitting}")
        )
        error = BoardAmbiguous(
            f"the hardware ({hardware.words}) fits several device types: {fitting}; nothing on the system says "
            "which one it was built for, so give --board SLUG",
            slugs=best,
        )
        error.candidates = candidates
        raise error
    row = owners[best[0]][1]
    evidence.append(
        Evidence(kind="hardware", source="comparison", value=hardware.words, verdict=f"decides: only {best[0]} fits")
    )
    return Identity(
        device_type=row,
        plugin=owners[best[0]][0],
        board=fits[0][0].board,
        compatible=hardware.compatible,
        model=hardware.model,
        dmi=hardware.dmi,
        evidence=tuple(evidence),
        candidates=candidates,
        warnings=("no software evidence: the device type was found out from the hardware alone",),
    )


def _relatives(catalog: Catalog, hardware: Hardware, slug: str | None = None) -> str:
    """The closest known boards, for a person who ports one: by a shared fallback name, then by spelling."""
    from difflib import get_close_matches

    found: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for module in catalog.index.board_modules():
        for row in catalog.table(module):
            resembles = fit(row.boards, hardware)
            if resembles is not None:
                found.setdefault(row.slug, resembles.reason)
            for board in row.boards:
                spelled.update(dict.fromkeys(board.compatible, row.slug))
    if hardware.compatible:
        for close in get_close_matches(hardware.compatible[0], spelled, n=3, cutoff=0.75):
            found.setdefault(spelled[close], f"has a board named {close}")
    if slug:
        for close in get_close_matches(slug, catalog.index.slugs(), n=3):
            found.setdefault(close, "is spelled alike")
    if found:
        return "the closest known: " + ", ".join(f"{name} ({why})" for name, why in list(found.items())[:4])
    if hardware.dmi and not hardware.compatible:
        return "a PC's device type is chosen by its image alone, and no file here names it; give --board SLUG"
    return "nothing known resembles it"
