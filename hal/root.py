"""`Root`: every file and program of a device, below one directory.

The directory stands for `/` of a device: the real one, a recorded tree or a generated one. Names are written without a
leading slash (`mnt/boot/config.json`; a leading slash is allowed and means the same). Symbolic links are followed as
the device would follow them, with an absolute target starting at this root again; a name or link that climbs above the
root is an error. No other module of the project opens an absolute path.

A way to write for each kind of file:

* `write`: a kernel attribute (sysfs, procfs, efivarfs): opened in place, one system call, never renamed.
* `replace`: a durable replacement on a journalling file system: temporary file, flush, rename, flush the folder.
* `overwrite`: same-size in-place overwrite with a flush, for what a bootloader reads from FAT; `extend` makes a file as
  large as that needs.
* `patch`: a span of a block device, flushed and read back from the device.
* `remove`: delete, and flush the folder.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from errno import ELOOP, ENOENT, ENOTDIR, ETIMEDOUT
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from struct import calcsize
from typing import TYPE_CHECKING

from hal.errors import FileFault, OutsideRoot
from hal.walk import Place, parts, walk

if TYPE_CHECKING:
    from hal.program import Completed

MAX_BYTES = 4 * 1024 * 1024
"""The largest file `read` returns unless told otherwise: no file this project reads is nearly as large."""

_FOLDER_SECONDS = 10.0
_LOCK_INTERVAL_SECONDS = 0.02
_TEMPORARY = ".hal-new"
_HOLD = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
"""Opens nothing, but while it is held a file that has no name any more keeps its clusters."""
_LONG = calcsize("l") << 16
_GET_FLAGS, _SET_FLAGS, _IMMUTABLE = 0x80006601 | _LONG, 0x40006602 | _LONG, 0x10
"""Of `linux/fs.h`: FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_IMMUTABLE_FL."""


class Root:
    """All file access below `directory`. Raises `FileFault` (or its `OutsideRoot`) for everything that goes wrong."""

    def __init__(self, directory: str | os.PathLike[str] = "/") -> None:
        self.directory = Path(directory).absolute()
        sound = False
        with suppress(OSError):
            sound = self.directory.is_dir()
        if not sound:
            raise FileFault(f"{self.directory}: not a directory, so it cannot stand for a device's /")

    def __repr__(self) -> str:
        return f"Root({str(self.directory)!r})"

    @property
    def is_machine(self) -> bool:
        """Whether this is `/` of the running machine rather than a tree."""
        return self.directory.exists() and self.directory.samefile("/")

    # -- names ---------------------------------------------------------------------------------------------------

    def resolve(self, name: str, *, follow: bool = True) -> Path:
        """The host path of `name`, every symbolic link followed inside the root.

        With `follow=False` the last part is not followed. The file need not exist. Raises `OutsideRoot`.
        """
        return Path(self._walk(name, follow=follow).path)

    def exists(self, name: str) -> bool:
        """Whether a file or folder is there. A dangling link is not."""
        path, there = self._walk(name)
        return self._mode(name, path) is not None if there is None else there

    def is_file(self, name: str) -> bool:
        """Whether a regular file is there."""
        path, there = self._walk(name)
        return there is not False and stat.S_ISREG(self._mode(name, path) or 0)

    def is_dir(self, name: str) -> bool:
        """Whether a folder is there."""
        path, there = self._walk(name)
        return there is not False and stat.S_ISDIR(self._mode(name, path) or 0)

    def is_writable(self, name: str) -> bool:
        """Whether a file's mode lets anybody write it: a kernel attribute without may not be written by root either."""
        path, _ = self._walk(name)
        try:
            return bool((self._mode(name, path) or 0) & 0o222)
        except FileFault:
            return False

    def listdir(self, name: str) -> tuple[str, ...]:
        """Names in a folder, sorted; empty where there is no such folder."""
        path, there = self._walk(name)
        if there is False:
            return ()
        with self._faults(name):
            try:
                return tuple(sorted(os.listdir(path)))  # noqa: PTH208 - as text, see `hal.walk`
            except (FileNotFoundError, NotADirectoryError):
                return ()

    def glob(self, pattern: str) -> tuple[str, ...]:
        """Names that match a shell pattern, sorted; a wildcard does not cross `/`, nor match a leading dot.

        A name that a link would lead out of the root, and a dangling link, is left out: a listing is no way out either.
        """
        import fnmatch

        found = [""]
        for part in parts(pattern):
            if part == "..":
                raise OutsideRoot(f"{pattern}: '..' in a pattern", path=pattern)
            step: list[str] = []
            for folder in found:
                names: Sequence[str] = (part,)  # whether it is there is asked of a whole name
                if any(c in part for c in "*?["):
                    names = ()
                    with suppress(FileFault):
                        names = fnmatch.filter(self.listdir(folder), part)
                    names = [name for name in names if part.startswith(".") or not name.startswith(".")]
                step += [f"{folder}/{name}" if folder else name for name in names]
            found = step
        return tuple(sorted(name for name in found if name and self._is_reachable(name)))

    def _is_reachable(self, name: str) -> bool:
        try:
            return self.exists(name)
        except FileFault:
            return False

    # -- reading -------------------------------------------------------------------------------------------------

    def read_bytes(self, name: str, *, limit: int = MAX_BYTES) -> bytes:
        """The content of a regular file of at most `limit` bytes. A device node, FIFO or folder is refused unread."""
        with self._faults(name), self._open(name, os.O_RDONLY) as fd:
            chunks: list[bytes] = []
            size = 0
            while chunk := os.read(fd, 1024 * 1024):
                size += len(chunk)
                if size > limit:
                    raise FileFault(f"{name}: larger than {limit} bytes", path=name)
                chunks.append(chunk)
            return b"".join(chunks)

    def read_text(self, name: str, *, limit: int = MAX_BYTES) -> str:
        """The content as UTF-8 text. Raises `FileFault` where it is not."""
        try:
            return self.read_bytes(name, limit=limit).decode()
        except UnicodeDecodeError as error:
            raise FileFault(f"{name}: not UTF-8 text (byte {error.start})", path=name) from error

    def read_value(self, name: str) -> str | None:
        """A kernel attribute or one-line file without its trailing white space or NUL; `None` where it cannot be read.

        Many attributes exist but answer `EAGAIN` or `EINVAL`; for them, too, the answer is `None`.
        """
        try:
            return self.read_bytes(name).decode(errors="replace").rstrip("\0 \t\r\n")
        except FileFault:
            return None

    # -- writing -------------------------------------------------------------------------------------------------

    def write(self, name: str, value: str | bytes, *, create: bool = False) -> None:
        """Write a kernel attribute in place, with one system call. It must exist, unless `create` makes it first.

        Only a pseudo file system creates so (an EFI variable); what must survive a crash is created by `replace`.
        """
        try:
            data = value if isinstance(value, bytes) else value.encode()
        except UnicodeEncodeError as error:
            raise FileFault(f"{name}: {value!r} cannot be written as UTF-8", path=name) from error
        with self._faults(name), ExitStack() as held:
            if create and not (path := self.resolve(name)).exists():
                # Written through the same descriptor: a kernel may drop an EFI variable that is closed empty.
                fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
                held.callback(os.close, fd)
            else:
                fd = held.enter_context(self._open(name, os.O_WRONLY | os.O_TRUNC))
            taken = os.write(fd, data)
        if taken != len(data):
            raise FileFault(f"{name}: took {taken} of {len(data)} bytes", path=name)

    def overwrite(self, name: str, data: bytes) -> None:
        """Overwrite a file in place with the same number of bytes, flush, and read back from the medium.

        No cluster is allocated or freed, so on FAT a power cut leaves each sector old or new.
        """
        with self._faults(name), self._open(name, os.O_RDWR) as fd:
            size = os.fstat(fd).st_size
            if size != len(data):
                raise FileFault(f"{name}: {len(data)} bytes do not fit in place of {size}", path=name)
            _write_all(fd, data)
            _read_back(fd, data, name)

    def extend(self, name: str, data: bytes) -> None:
        """Grow a file in place to what `data` has, flush, and read back as `overwrite` does.

        `data` must mean the same as its own start. The old bytes are written again first, because that makes the rest
        of their sector zero on the disk: whichever of content and length a power cut loses then, what is read is the
        old file, zeros behind it, or a start of `data`. The file must not be empty, so that within a sector no cluster
        is allocated.
        """
        with self._faults(name), self._open(name, os.O_RDWR) as fd:
            size = os.fstat(fd).st_size
            if not 0 < size <= len(data):
                raise FileFault(f"{name}: {size} bytes cannot grow to {len(data)}", path=name)
            old = os.pread(fd, size, 0)
            _write_all(fd, old)
            os.fsync(fd)
            os.lseek(fd, 0, os.SEEK_SET)
            _write_all(fd, data)
            _read_back(fd, data, name)

    def span(self, name: str, offset: int, size: int) -> bytes:
        """Bytes of a block device, or of the regular file that stands for it in a tree; fewer at its end."""
        with self._faults(name), self._open(name, os.O_RDONLY, block=True) as fd:
            return os.pread(fd, size, offset)

    def patch(self, name: str, offset: int, data: bytes) -> None:
        """Overwrite a span of a block device in place, flush, and read back from the medium.

        What is already there writes nothing. In a tree a regular file stands for the device; neither ever grows.
        """
        with self._faults(name), self._open(name, os.O_RDWR, block=True) as fd:
            old = os.pread(fd, len(data), offset)
            if len(old) != len(data):
                raise FileFault(f"{name}: ends before byte {offset + len(data)}, nothing was written", path=name)
            if old == data:
                return
            os.lseek(fd, offset, os.SEEK_SET)
            _write_all(fd, data)
            _read_back(fd, data, name, offset)

    def unlock_immutable(self, name: str) -> None:
        """Clear a file's immutable flag, which efivarfs sets on variables. Where there are no flags, do nothing."""
        from array import array
        from fcntl import ioctl

        with self._faults(name), self._open(name, os.O_RDONLY) as fd:
            flags = array("L", [0])
            try:
                ioctl(fd, _GET_FLAGS, flags)
            except OSError:
                return
            if flags[0] & _IMMUTABLE:
                flags[0] &= ~_IMMUTABLE
                ioctl(fd, _SET_FLAGS, flags)

    def size(self, name: str) -> int:
        """Bytes of a regular file, without reading it."""
        with self._faults(name), self._open(name, os.O_RDONLY) as fd:
            return os.fstat(fd).st_size

    def inode(self, name: str) -> int:
        """The number of a file or folder within its file system. sysfs gives another one to whatever it lists anew."""
        with self._faults(name):
            return self.resolve(name).stat().st_ino

    def cluster_bytes(self, name: str) -> int:
        """What the file system that holds a file or folder gives a file at least: on FAT, a cluster."""
        with self._faults(name):
            return os.statvfs(self.resolve(name)).f_frsize

    def free_bytes(self, name: str) -> int:
        """Room left on the file system that holds a file or folder, for whoever is not root."""
        with self._faults(name):
            told = os.statvfs(self.resolve(name))
            return told.f_bavail * told.f_frsize

    def replace(self, name: str, data: bytes, *, mode: int | None = None) -> None:
        """Replace a file durably, or create it; after a crash it is the old or the new one, whole, on FAT and on ext4.

        The folder must exist; it is locked meanwhile, so writers at the same time take turns. Permissions are kept; a
        new file gets `mode`, by default 0644. A link is followed, so it stays a link. The content is read back from the
        medium before it takes the old one's place; on failure the temporary file is removed and the old one untouched.
        """
        path = self.resolve(name)
        with self._faults(name), _folder(path.parent) as folder, ExitStack() as held:
            try:
                old = path.stat()
            except FileNotFoundError:
                replaced, permissions = False, 0o644 if mode is None else mode
            else:
                if not stat.S_ISREG(old.st_mode):
                    raise FileFault(f"{name}: not a regular file", path=name)
                replaced, permissions = True, stat.S_IMODE(old.st_mode) if mode is None else mode
                held.callback(os.close, os.open(path, _HOLD))
            temporary = path.with_name(f".{path.name}{_TEMPORARY}")
            with suppress(FileNotFoundError):
                temporary.unlink()
            fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            held.callback(os.close, fd)
            try:
                _write_all(fd, data)
                os.fchmod(fd, permissions)
                _read_back(fd, data, name)
                temporary.rename(path)
            except BaseException:
                with suppress(FileNotFoundError):
                    temporary.unlink()
                raise
            # To FAT a rename is three changes: the temporary entry goes, the other entry leads to the new clusters, the
            # old clusters are free. In this order no entry ever leads to clusters that are free or another file's. An
            # entry that was not there would lead nowhere at first, so that one is completed first.
            for each in (folder, fd) if replaced else (fd, folder):
                os.fsync(each)

    def make_folder(self, name: str) -> bool:
        """Make a folder and those above it, durably; returns whether there was none. A file in its place is a fault."""
        path = self.resolve(name)
        made = False
        with self._faults(name):
            for each in reversed((path, *path.parents)):
                if each == self.directory or not each.is_relative_to(self.directory) or each.is_dir():
                    continue
                each.mkdir()
                made = True
                with _folder(each.parent) as folder:
                    os.fsync(folder)
        return made

    def set_mode(self, name: str, mode: int) -> None:
        """Set the permissions of a file or folder."""
        with self._faults(name):
            self.resolve(name).chmod(mode)

    def remove(self, name: str) -> bool:
        """Remove a file or link, durably. Returns whether there was one. After a crash it is there, whole, or gone."""
        path = self.resolve(name, follow=False)
        if not path.parent.exists():
            return False
        with self._faults(name), _folder(path.parent) as folder, ExitStack() as held:
            try:
                held.callback(os.close, os.open(path, _HOLD))
                path.unlink()
            except FileNotFoundError:
                return False
            os.fsync(folder)
        return True

    @contextmanager
    def lock(self, name: str, *, timeout_seconds: float) -> Iterator[None]:
        """Hold the exclusive lock of a file or folder, which is not changed; wait for its holder until the deadline.

        `replace` and `remove` lock the folder they write in for themselves, so that one cannot be held meanwhile.
        """
        with ExitStack() as held:
            with self._faults(name):
                if self.is_dir(name):
                    fd = os.open(self.resolve(name), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                    held.callback(os.close, fd)
                else:
                    fd = held.enter_context(self._open(name, os.O_RDONLY))
                _lock(fd, timeout_seconds)
            yield

    # -- programs ------------------------------------------------------------------------------------------------

    def which(self, program: str, *, host: bool = False) -> Path | None:
        """The program found inside the root, else with `host` on the machine that runs this; `None` where neither."""
        from hal.program import find

        return find(self, program, host=host)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout_seconds: float,
        check: bool = True,
        host: bool = False,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run a program found inside the root, with a deadline; its standard input holds `stdin`, else it is closed.

        A tree can carry a fake program: it is started with `HAL_ROOT` set to the tree, and may keep state there. For a
        tree, a program of the machine that runs this would change the wrong machine, so it is taken only with
        `host=True`, meant for programs that merely compute. With `check` a non-zero exit status is `ProgramFault`.
        `environment` is added to what every program gets, which is nothing of this process's own.
        """
        from hal.program import run

        return run(
            self,
            argv,
            timeout_seconds=timeout_seconds,
            check=check,
            host=host,
            stdin=stdin,
            environment=environment or {},
        )

    # -- inside --------------------------------------------------------------------------------------------------

    def _walk(self, name: str, *, follow: bool = True) -> Place:
        return walk(str(self.directory), name, follow=follow)

    def _mode(self, name: str, path: str) -> int | None:
        """The mode of what is there; `None` where nothing is."""
        try:
            return os.stat(path).st_mode  # noqa: PTH116 - as text, see `hal.walk`
        except OSError as error:
            if error.errno in (ENOENT, ENOTDIR, ELOOP):
                return None
            with self._faults(name):
                raise

    @contextmanager
    def _open(self, name: str, flags: int, *, block: bool = False) -> Iterator[int]:
        """A regular file's descriptor; never blocks on a FIFO, never creates, never follows a link at the end.

        With `block`, a block device's too.
        """
        path, _ = self._walk(name)

        def check(mode: int) -> None:
            if not stat.S_ISREG(mode) and not (block and stat.S_ISBLK(mode)):
                raise FileFault(f"{name}: not a regular file{' or block device' if block else ''}", path=name)

        # Looked at before it is opened: opening a serial port resets some boards, and opening a watchdog starts it.
        check(os.lstat(path).st_mode)
        fd = os.open(path, (flags & ~os.O_TRUNC) | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            check(os.fstat(fd).st_mode)
            if flags & os.O_TRUNC:
                os.ftruncate(fd, 0)
            yield fd
        finally:
            os.close(fd)

    @contextmanager
    def _faults(self, name: str) -> Iterator[None]:
        """Operating-system errors become `FileFault` in words."""
        try:
            yield
        except OSError as error:
            raise FileFault(f"{name}: {(error.strerror or str(error)).lower()}", path=name) from error


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _read_back(fd: int, data: bytes, name: str, offset: int = 0) -> None:
    """Flush, forget what is in memory, and compare with what the medium holds."""
    os.fsync(fd)
    os.posix_fadvise(fd, offset, len(data), os.POSIX_FADV_DONTNEED)
    at = 0
    while at < len(data):
        found = os.pread(fd, min(len(data) - at, 1024 * 1024), offset + at)
        if not found or found != data[at : at + len(found)]:
            raise FileFault(f"{name}: reads back different from what was written at byte {offset + at}", path=name)
        at += len(found)


@contextmanager
def _folder(path: Path) -> Iterator[int]:
    """The descriptor of a folder, locked for whoever else writes in it through a `Root`."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(fd, _FOLDER_SECONDS)
        yield fd
    finally:
        os.close(fd)


def _lock(fd: int, timeout_seconds: float) -> None:
    """Wait for the exclusive lock, but not for ever: whoever holds it may hang."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            return flock(fd, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError(ETIMEDOUT, f"locked by another process for {timeout_seconds:g} s") from None
        time.sleep(_LOCK_INTERVAL_SECONDS)
