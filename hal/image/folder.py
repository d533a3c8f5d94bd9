"""A new folder with the files of an image: all of them, or nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp

from hal.errors import FileFault
from hal.root import Root


def check_new(directory: Path) -> None:
    """Raises `FileFault` where this is not a new or empty folder."""
    directory = directory.absolute()
    try:
        above = next(each for each in directory.parents if os.path.lexists(each))
        if not above.is_dir():
            raise FileFault(f"{directory}: {above} is not a folder", path=str(directory))
        if os.path.lexists(directory) and (not directory.is_dir() or any(directory.iterdir())):
            raise FileFault(f"{directory}: not a new or empty folder, and nothing is overwritten", path=str(directory))
    except OSError as error:
        raise _fault(directory, error) from error


def write_new(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write these files, by their names below the folder, into a new or empty folder. Raises `FileFault`.

    They are made beside it and moved in at the end, so that a failure leaves nothing.
    """
    directory = directory.absolute()
    check_new(directory)
    made = None
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        made = Path(mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        made.chmod(0o755)
        root = Root(made)
        for name, data in files.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            root.replace(name, data, mode=0o644)
        made.rename(directory)
    except OSError as error:
        raise _fault(directory, error) from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def _fault(directory: Path, error: OSError) -> FileFault:
    return FileFault(f"{directory}: {os.strerror(error.errno or 0).lower()}", path=str(directory))
