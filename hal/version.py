"""Versions of balenaOS: which of two is newer, and which one a board's next release has.

A release of meta-balena is `X.Y.Z` or `X.Y.Z-betaN`. A board's OS has the version of the meta-balena it adopted; what
changes for the board alone counts up `+revN`, and adopting another meta-balena starts anew without it. Old releases
wrote `X.Y.Z.rev1.dev`, `X.Y.Z_rev1.prod`, `Resin OS 2.0.0+rev2 (prod)`, which are read too.

The order is that of balena's own cloud: semantic versioning, then the revision as a number, then a development variant
below the others, then the text. Source: balena-semver, meta-balena's docs.

No library does it: `packaging` compares what is behind the `+` as text, so that rev10 comes before rev9; `semver`
passes over it, and takes half as long to import as a command may take. The tests ask it whether the first part agrees.
"""

from __future__ import annotations

import re
from functools import total_ordering

from attrs import field, frozen

from hal.errors import ValueRefused

MAX_LENGTH = 100
_NUMBER, _WORD = r"(?:0|[1-9][0-9]*)", r"(?:[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMANTIC = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})"
    rf"(?:-((?:{_NUMBER}|{_WORD})(?:\.(?:{_NUMBER}|{_WORD}))*))?"
    r"(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
)
_NAME = re.compile(r"(?:resin|balena) ?os *", re.IGNORECASE)
_SEPARATOR = re.compile(r"^(\d+\.\d+\.\d+)(?:_|\.(?=(?:rev|dev|prod)))", re.IGNORECASE)
"""What older releases wrote in place of the plus sign."""
_PRERELEASE_SEPARATOR = re.compile(r"^(\d+\.\d+\.\d+-[0-9A-Za-z-]+)\.(?=rev\d)")
_VARIANT = re.compile(r" \((\w+)\)$")
_REVISION = re.compile(r"rev([0-9]+)")


@total_ordering
@frozen(eq=False, order=False)
class OsVersion:
    """A version that can be compared. `revision` is 0 where there is none."""

    text: str
    revision: int
    development: bool
    _release: tuple[int, ...] = field(repr=False)
    _prerelease: str | None = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> OsVersion:
        """The version a text states. Raises `ValueRefused` where it states none."""
        written = _normal(text)
        match = _SEMANTIC.fullmatch(written) if len(written) <= MAX_LENGTH else None
        if match is None:
            raise ValueRefused(
                f"{text[:MAX_LENGTH]!r} is no version of balenaOS: X.Y.Z, X.Y.Z-betaN or either with +revN is one",
                path="version",
            )
        major, minor, patch, prerelease, build = match.groups()
        words = (build or "").split(".")
        revisions = [found[1] for found in map(_REVISION.fullmatch, words) if found]
        revision = int(revisions[0]) if revisions else 0
        return cls(written, revision, "dev" in words, (int(major), int(minor), int(patch)), prerelease)

    @property
    def meta_balena(self) -> str:
        """The release of meta-balena that was adopted."""
        return self.text.partition("+")[0]

    @property
    def _rank(self) -> tuple[object, ...]:
        """Semantic versioning's precedence, then what it passes over. A release comes after all that precede it."""
        words = [] if self._prerelease is None else self._prerelease.split(".")
        identifiers = tuple((0, int(word), "") if word.isdigit() else (1, 0, word) for word in words)
        return (self._release, not words, identifiers, self.revision, not self.development, self.text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OsVersion) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __lt__(self, other: OsVersion) -> bool:
        return self._rank < other._rank

    def __str__(self) -> str:
        return self.text


def order(text: str | None) -> tuple[int, str | OsVersion]:
    """A sort key for whatever a device reports: nothing, then what is no version, then versions."""
    if text is None:
        return (0, "")
    try:
        return (2, OsVersion.parse(text))
    except ValueRefused:
        return (1, _normal(text))


def following(last: OsVersion, meta_balena: OsVersion) -> OsVersion:
    """The version of a board's next release. Raises `ValueRefused` where it would adopt an older meta-balena."""
    if meta_balena.text != meta_balena.meta_balena:
        raise ValueRefused(f"{meta_balena} is no release of meta-balena: those have no plus sign", path="version")
    adopted = OsVersion.parse(last.meta_balena)
    if meta_balena < adopted:
        raise ValueRefused(f"meta-balena {meta_balena} is older than {adopted}, which {last} adopted", path="version")
    return OsVersion.parse(f"{adopted}+rev{last.revision + 1}") if meta_balena == adopted else meta_balena


def _normal(text: str) -> str:
    """Today's spelling of a version."""
    text = _NAME.sub("", text.strip(), count=1).removeprefix("v")
    text = _PRERELEASE_SEPARATOR.sub(r"\1+", _SEPARATOR.sub(r"\1+", text))
    variant = _VARIANT.search(text)
    if variant:
        text = text[: variant.start()] + (f".{variant[1]}" if "+" in text else f"+{variant[1]}")
    return text
