"""`HalError` and its small, closed family. Each carries a stable code, the thing it is about, and an exit status."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hal.model import AtFaultKind, Candidate, Evidence


class HalError(Exception):
    """Something did not work. `code` is stable for scripts, `path` names the setting or file, where there is one.

    `str(error)` is a sentence for people. `exit_status` is what the command line ends with.
    """

    code = "failed"
    exit_status = 1

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


class BoardUnknown(HalError):
    """No plugin knows this board, or several device types fit it and nothing decides between them.

    `evidence` is what was read on the way, `candidates` the device types that fit.
    """

    code = "board-unknown"
    exit_status = 3

    def __init__(self, message: str, *, path: str | None = None) -> None:
        super().__init__(message, path=path)
        self.evidence: tuple[Evidence, ...] = ()
        self.candidates: tuple[Candidate, ...] = ()


class BoardAmbiguous(BoardUnknown):
    """Several device types fit; `slugs` names them."""

    code = "board-ambiguous"

    def __init__(self, message: str, *, slugs: Iterable[str], path: str | None = None) -> None:
        super().__init__(message, path=path)
        self.slugs = tuple(slugs)


class CapabilityAbsent(HalError):
    """This board lacks the capability; the message says why."""

    code = "capability-absent"
    exit_status = 4


class ValueRefused(HalError):
    """A value that is not allowed; `allowed` lists what is. Nothing was written."""

    code = "value-refused"

    def __init__(self, message: str, *, path: str | None = None, allowed: Iterable[str] = ()) -> None:
        super().__init__(message, path=path)
        self.allowed = tuple(allowed)


class Damaged(HalError):
    """A file does not parse; `line` and `column` count from 1. The file was left as it was."""

    code = "damaged"

    def __init__(self, message: str, *, path: str, line: int | None = None, column: int | None = None) -> None:
        where = path if line is None else f"{path}:{line}" if column is None else f"{path}:{line}:{column}"
        super().__init__(f"{where}: {message}", path=path)
        self.line = line
        self.column = column


class FileFault(HalError):
    """A file cannot be read or written: missing, unreadable, too large, not a regular file, no room."""

    code = "file"


class OutsideRoot(FileFault):
    """A name or symbolic link that leads out of the tree."""

    code = "outside-root"


class ProgramFault(HalError):
    """A program is missing, failed, or did not end before its deadline."""

    code = "program"


class NotApplied(HalError):
    """A setting was stored, but reading back what is running does not show it."""

    code = "not-applied"


class AtFault(HalError):
    """A modem did not do what an AT command asks. `path` is its port, `command` what was sent, `kind` what it means.

    `number` is the error's number (3GPP TS 27.007, or 27.005 for `+CMS ERROR`) and `told` its text, where there is one.
    """

    code = "at"

    def __init__(
        self, message: str, *, path: str, command: str, kind: AtFaultKind, number: int | None = None, told: str = ""
    ) -> None:
        super().__init__(message, path=path)
        self.command = command
        self.kind = kind
        self.number = number
        self.told = told


class Disagreement(HalError):
    """Plugins that contradict each other about an image; `conflicts` has one sentence for each point."""

    code = "disagreement"

    def __init__(self, conflicts: Iterable[str], *, path: str | None = None) -> None:
        self.conflicts = tuple(conflicts)
        super().__init__("; ".join(self.conflicts), path=path)


class PluginFault(HalError):
    """A plugin that is needed cannot be used: it does not import, answers nonsense, or has a defect."""

    code = "plugin"


@contextmanager
def blame(plugin_object: object) -> Iterator[None]:
    """Calls into an object of a plugin: what it raises besides `HalError` becomes a fault with the plugin's name."""
    try:
        yield
    except HalError:
        raise
    except Exception as error:
        # A function names its module itself.
        module = getattr(plugin_object, "__module__", None) if callable(plugin_object) else None
        plugin = (module or type(plugin_object).__module__).partition(".")[0]
        message = f"{plugin}: {type(error).__name__}: {error}; a defect of this plugin, report it to its author"
        raise PluginFault(message, path=plugin) from error
