"""A folder with the files of an image: all of them, or what was there before.

A folder that an earlier run wrote has a manifest of what that wrote, so that it can be told from one with work of
somebody in it: a file that was added or changed by hand is refused by name, and nothing is lost.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from errno import EBUSY, EXDEV
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

from hal.errors import FileFault
from hal.image.output import OutputFile

MANIFEST = ".hal-image.json"


def check_output(directory: Path) -> None:
    """Raises `FileFault` where this is neither a new or empty folder nor exactly what `write_output` wrote."""
    directory = directory.absolute()
    with _faults(directory):
        above = next(each for each in directory.parents if os.path.lexists(each))
        if not above.is_dir():
            raise FileFault(f"{directory}: {above} is not a folder", path=str(directory))
        if directory.is_symlink():
            raise FileFault(f"{directory}: a symbolic link, not a folder", path=str(directory))
        if os.path.lexists(directory) and not directory.is_dir():
            raise FileFault(f"{directory}: a file, not a folder", path=str(directory))
        if directory.is_dir() and any(directory.iterdir()):
            _check_own(directory)


def check_new(directory: Path) -> None:
    """Raises `FileFault` where this is not a new or empty folder."""
    directory = directory.absolute()
    with _faults(directory):
        if directory.is_dir() and any(directory.iterdir()):
            raise FileFault(f"{directory}: not a new or empty folder, and nothing is overwritten", path=str(directory))
    check_output(directory)


def write_new(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write these files, by their names below the folder, into a new or empty folder. Raises `FileFault`.

    They are made beside it and moved in at the end, so that a failure leaves nothing.
    """
    check_new(directory)
    _write(directory.absolute(), [OutputFile(name=name, data=data) for name, data in files.items()])


def write_output(directory: Path, files: Iterable[OutputFile]) -> None:
    """Write these files and their manifest, in place of what an earlier run wrote. Raises `FileFault`.

    They are made beside it and swapped in, so that a failure leaves what was there. Modes are those of the files,
    whatever the umask is; folders have 0755.
    """
    check_output(directory)
    files = tuple(files)
    digests = {file.name: sha256(file.content).hexdigest() for file in files}
    text = json.dumps({"files": dict(sorted(digests.items()))}, indent=2)
    _write(directory.absolute(), [*files, OutputFile(name=MANIFEST, data=f"{text}\n".encode(), why="what was written")])


def _write(directory: Path, files: Iterable[OutputFile]) -> None:
    made: Path | None = None
    old: Path | None = None
    with _faults(directory):
        try:
            directory.parent.mkdir(parents=True, exist_ok=True)
            made = _beside(directory)
            new = made / "new"
            _make_folder(new)
            for file in files:
                path = new / file.name
                if ".." in Path(file.name).parts or Path(file.name).is_absolute():
                    raise FileFault(f"{file.name}: leads out of {directory}", path=file.name)
                for folder in reversed(path.parents):
                    if folder.is_relative_to(new) and not folder.is_dir():
                        _make_folder(folder)
                with path.open("xb") as stream:
                    stream.write(file.content)
                path.chmod(file.mode)
            if directory.is_dir():
                directory.rename(made / "old")
                old = made / "old"
            new.rename(directory)
            old = None
        finally:
            if old is not None:  # what was there comes back
                old.rename(directory)
            if made is not None:
                shutil.rmtree(made, ignore_errors=True)


def _beside(directory: Path) -> Path:
    return Path(mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))


def _make_folder(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)


def _check_own(directory: Path) -> None:
    """A file that is missing is no reason to refuse: nothing of it can be lost."""
    digests = _manifest(directory)
    folders = {str(parent) for name in digests for parent in Path(name).parents}
    for path in _every(directory):
        name = str(path.relative_to(directory))
        if name == MANIFEST:
            continue
        if path.is_dir() and not path.is_symlink():
            sound = name in folders
        else:
            sound = name in digests and path.is_file() and not path.is_symlink() and _digest(path) == digests[name]
        if not sound:
            what = "was changed" if name in digests else "is not from there"
            message = f"{directory}: {name} {what} since an earlier run wrote this folder, and nothing is overwritten"
            raise FileFault(message, path=str(path))


def _manifest(directory: Path) -> dict[str, str]:
    """Names and digests of what an earlier run wrote."""
    path = directory / MANIFEST
    if path.is_symlink() or not path.is_file():
        raise FileFault(f"{directory}: not a new or empty folder, and nothing is overwritten", path=str(directory))
    try:
        files = json.loads(path.read_bytes())["files"]
        return {str(name): str(digest) for name, digest in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileFault(f"{path}: damaged, so what was written here is not known", path=str(path)) from error


def _every(directory: Path) -> Iterator[Path]:
    """Everything below, sorted, folders first; links are not followed."""
    for path in sorted(directory.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _every(path)


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


@contextmanager
def _faults(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        told = os.strerror(error.errno or 0).lower()
        if error.errno in (EBUSY, EXDEV):
            told = f"{told}: a mount point cannot be replaced, name a folder below it"
        raise FileFault(f"{directory}: {told}", path=str(directory)) from error
