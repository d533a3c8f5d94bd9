"""One firmware file of an adapter: what the kernel would take, compared with the row."""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve

from hal.backends.firmware.forms import look
from hal.backends.firmware.search import Candidate, Search, parameter, search
from hal.model import FileReport, FileState, FirmwareFile
from hal.root import Root


def file_report(root: Root, wanted: FirmwareFile) -> FileReport:
    """Search, unpack, and look at the bytes."""
    found = search(root, wanted.name)
    nothing = FileReport(
        name=wanted.name,
        state=FileState.MISSING,
        looked_in=tuple(place.name for place in found.places),
        packages=(*wanted.packages, *wanted.license_packages),
        notes=tuple(_line_feed(root)),
    )
    taken = found.taken
    if taken is None:
        if not found.candidates:
            return nothing
        problem = "; ".join(f"{each.name}: {each.passed_over}" for each in found.candidates)
        return evolve(nothing, state=FileState.DAMAGED, file=found.candidates[0].name, problem=problem)
    inside = taken.contents
    if inside is None or inside.data is None:
        notes = (f"{taken.name} cannot be looked into here", *_notes(root, found, taken))
        return evolve(nothing, state=FileState.UNSEEN, file=taken.name, notes=notes)
    seen = look(wanted.form, inside.data)
    known = inside.sha256 == wanted.sha256 if wanted.sha256 else None
    notes = tuple(_notes(root, found, taken))
    if known is False and not seen.problem:
        notes = (*notes, "not the very file of the table; another build is no fault" + _other(wanted, seen.version))
    return evolve(
        nothing,
        state=FileState.DAMAGED if seen.problem else FileState.SOUND,
        file=taken.name,
        size_bytes=inside.size_bytes,
        sha256=inside.sha256,
        version=seen.version,
        known=known,
        problem=f"{taken.name}: {seen.problem}" if seen.problem else "",
        notes=notes,
    )


def _other(wanted: FirmwareFile, version: str) -> str:
    return f" (here {version}, there {wanted.version})" if version and wanted.version not in ("", version) else ""


def _notes(root: Root, found: Search, taken: Candidate) -> Iterator[str]:
    """What was passed over on the way, and what is not certain about the one that is taken."""
    for each in found.candidates:
        if each is taken:
            break
        yield f"{each.name} is passed over: {each.passed_over}"
    if not taken.certain:
        yield f"whether this kernel unpacks {taken.suffix} files is not known"
    yield from _line_feed(root)


def _line_feed(root: Root) -> Iterator[str]:
    """What `echo` without `-n` leaves in the kernel's parameter."""
    if "\n" in parameter(root):
        yield "the kernel's own search path ends in a line feed, so it leads nowhere: write it without"
