"""Which slot a bootloader chooses: executable models, pure functions from what it sees to what it does.

*Classic* rules are those of balenaOS's own boot files, with their faults; the *mended* rule is that of the boot files
this project renders; L4TLauncher's is compiled in. The lab asks real GRUB, U-Boot and the initramfs scripts the same
questions. Cboot chooses by NVIDIA's own slot metadata: see `cboot`.
"""

from __future__ import annotations

import re
from typing import Protocol

from attrs import evolve, frozen

from hal.model import NextBoot, SelectionRule, Slot
from hal.record import Record

Values = tuple[str, str]
"""How the state file writes slot A and slot B."""


@frozen(kw_only=True, repr=False, eq=False)
class Seen(Record):
    """What a bootloader sees: the texts of its variables, `None` where absent.

    `committed` is the text in the committed-slot file, which only mended boot files know. `kernels` tells whether slots
    A and B hold a kernel. `storable` is whether the boot count can be written.
    """

    root: str | None
    upgrade: str | None
    count: str | None
    committed: str | None = None
    kernels: tuple[bool, bool] = (True, True)
    storable: bool = True

    def kernel(self, slot: Slot) -> bool:
        """Whether this slot holds a kernel."""
        return self.kernels[slot is Slot.B]


@frozen(kw_only=True, repr=False, eq=False)
class Decision(Record):
    """The slot that boots (`None`: nothing does), why, and the text of the boot count afterwards."""

    slot: Slot | None
    reason: str
    count: str | None


class Rule(Protocol):
    """A selection rule."""

    @property
    def kind(self) -> SelectionRule:
        """Where the rule comes from."""

    @property
    def tries(self) -> int:
        """How often a new slot is tried before the old one boots."""

    def decide(self, seen: Seen) -> Decision:
        """What the next boot does."""


def predict(rule: Rule, seen: Seen, *, boots: int = 6) -> NextBoot:
    """The next boot and those after it, where none of them reaches user space."""
    decisions = []
    now = seen
    for _ in range(boots):
        decisions.append(rule.decide(now))
        now = evolve(now, count=decisions[-1].count)
    first = decisions[0]
    return NextBoot(
        slot=first.slot,
        reason=first.reason,
        counts=first.count != seen.count,
        then=tuple(decision.slot for decision in decisions[1:]),
    )


# -- mended ------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True, repr=False, eq=False)
class Mended(Record):
    """The rule of the boot files this project renders; the same for GRUB, U-Boot and the balena bootloader.

    1. The slot is the one the state file names; where that is absent or no legal value, the committed one; where that
       is not known either, A.
    2. Only `upgrade_available=1` makes boots count. Absent, junk and every other value mean that no update is pending.
    3. While an update is pending and fewer than `tries` boots are counted, the count is raised, stored and read back;
       where it cannot be stored, the other slot boots at once, because a try that does not count might never end. An
       absent or junk count is zero, because it is then stored as one. At `tries`, the other slot boots; nothing is
       written.
    4. A slot without a kernel never boots while the other one has one. It uses up no try.

    One blank behind a value is not part of it: a script of balenaOS leaves one behind `bootcount=0`.
    """

    values: Values
    tries: int
    count_pattern: str = "[0-9]{1,2}"
    """What a count looks like; U-Boot's is one hexadecimal digit."""

    kind = SelectionRule.MENDED

    def decide(self, seen: Seen) -> Decision:
        """What the next boot does."""
        named = slot_of(seen.root, self.values)
        slot, reason, stored = named, "the state file names it", seen.count
        if named is None:
            committed = slot_of(seen.committed, self.values)
            slot = committed or Slot.A
            reason = "the state file names no slot; it is the committed one" if committed else "nothing names a slot"
        assert slot is not None
        if named and clean(seen.upgrade) == "1" and (seen.kernel(slot) or not seen.kernel(slot.other)):
            count = self.count(seen.count)
            if count >= self.tries:
                slot, reason = slot.other, f"{slot} did not come up in {self.tries} boots"
            elif not seen.storable:
                slot, reason = slot.other, f"the boot count cannot be stored, so {slot} is not tried"
            else:
                stored, reason = f"{count + 1:x}", f"try {count + 1} of {self.tries} of the updated slot"
        if not seen.kernel(slot):
            if not seen.kernel(slot.other):
                return Decision(slot=None, reason="neither slot has a kernel", count=stored)
            slot, reason = slot.other, f"{slot} has no kernel"
        return Decision(slot=slot, reason=reason, count=stored)

    def count(self, text: str | None) -> int:
        """What a stored count is taken for."""
        text = clean(text)
        return int(text, 16) if text is not None and re.fullmatch(self.count_pattern, text) else 0


# -- classic -----------------------------------------------------------------------------------------------------------


@frozen(kw_only=True, repr=False, eq=False)
class ClassicGrub(Record):
    """balenaOS's grub.cfg. The count is honoured with no update pending, and what is not slot A is slot B.

    Its comparisons are unquoted: an absent variable leaves two words, which GRUB's `test` takes for true.

    With `encrypted`, the variant for LUKS: what is not slot B is slot A, and GRUB itself needs no kernel in a slot.
    """

    values: Values
    encrypted: bool = False

    kind = SelectionRule.CLASSIC
    tries = 1

    def decide(self, seen: Seen) -> Decision:
        """What the next boot does."""
        count = stored = seen.count
        if _equals(seen.upgrade, "1"):
            if _equals(count, "1"):
                count = "2"
            elif _equals(count, "0"):
                count = "1"
            stored = count if seen.storable else stored
        flipped = _equals(count, "2")
        first, second = self.values
        if self.encrypted:
            slot = Slot.B if _equals(seen.root, first if flipped else second) else Slot.A
        else:
            slot = Slot.A if _equals(seen.root, first) is not flipped else Slot.B
        named = slot_of(seen.root, self.values)
        unnamed = f"the state file names no slot, and what is not slot {'B' if self.encrypted else 'A'} is the other"
        reason = "the state file names it" if named else unnamed
        if flipped:
            reason = "the boot count is 2" if count else "there is no boot count, which counts as 2"
        if not self.encrypted and not seen.kernel(slot):
            return Decision(slot=None, reason=f"{slot} has no kernel", count=stored)
        return Decision(slot=slot, reason=reason, count=stored)


@frozen(kw_only=True, repr=False, eq=False)
class ClassicUBoot(Record):
    """The environment compiled into balenaOS's U-Boot: it counts in hexadecimal and compares in decimal.

    An absent state file means slot A. What is no partition with a kernel does not boot.
    """

    values: Values

    kind = SelectionRule.CLASSIC
    tries = 3

    def decide(self, seen: Seen) -> Decision:
        """What the next boot does."""
        root = seen.root if seen.root is not None else self.values[0]
        count = seen.count if seen.count is not None else "0"
        stored = seen.count
        if _word(seen.upgrade) == "1":
            digits = re.match(r"[0-9a-fA-F]*", _word(count) or "")
            count = f"{int(digits[0] or '0', 16) + 1 if digits else 1:x}"
            stored = count if seen.storable else stored
        reason = (
            "the state file names it" if seen.root is not None else "no state file names a slot, and A is the default"
        )
        if _leading_decimal(count) > self.tries:
            root = self.values[1] if _word(root) == self.values[0] else self.values[0]
            reason = f"the boot count is {count}"
        slot = slot_of(root, self.values)
        if slot is None or not seen.kernel(slot):
            return Decision(slot=None, reason=f"resin_root_part={root} has no kernel", count=stored)
        return Decision(slot=slot, reason=reason, count=stored)


@frozen(kw_only=True, repr=False, eq=False)
class ClassicBalena(Record):
    """The initramfs script of balenaOS's own bootloader. It counts to three whether or not an update is pending."""

    kind = SelectionRule.CLASSIC
    tries = 2

    def decide(self, seen: Seen) -> Decision:
        """What the next boot does."""
        root, count, stored = seen.root or "", seen.count or "", seen.count
        if clean(seen.upgrade) == "1":
            count = str((int(count) if re.fullmatch(r" *[0-9]+ *", count) else 0) + 1)
            stored = count if seen.storable else stored
        reason = "the state file names it"
        if re.fullmatch(r" *[0-9]+ *", count) and int(count) > self.tries:
            root = "B" if root == "A" else "A"
            reason = f"the boot count is {count}"
        slot = slot_of(root, ("A", "B"))
        if slot is None or not seen.kernel(slot):
            return Decision(slot=None, reason=f"resin_root_part={root} has no kernel", count=stored)
        return Decision(slot=slot, reason=reason, count=stored)


@frozen(kw_only=True, repr=False, eq=False)
class L4TLauncher(Record):
    """balenaOS's L4TLauncher on Jetson Orin, compiled in: `base` is 10 or 16, as the build of this board reads numbers.

    A number ends at the first character that is none; no number is 0. What is no partition of a slot is slot A.
    """

    values: Values
    base: int

    kind = SelectionRule.COMPILED
    tries = 2

    def decide(self, seen: Seen) -> Decision:
        """What the next boot does."""
        first, second = (int(value, self.base) for value in self.values)
        root = first if seen.root is None else _leading(seen.root, self.base)
        count, stored = 0, seen.count
        if seen.upgrade is not None and _leading(seen.upgrade, 10) == 1:
            count = _leading(seen.count or "", 10) + 1
            # The buffer holds one digit.
            stored = f"{count}"[:1] if seen.storable else stored
        reason = "the state file names it" if root in (first, second) else "the state file names no slot: A is taken"
        if count > self.tries:
            root, reason = (first if root == second else second), f"the boot count is {count}"
        slot = Slot.B if root == second else Slot.A
        if not seen.kernel(slot):
            return Decision(slot=None, reason=f"{slot} has no kernel", count=stored)
        return Decision(slot=slot, reason=reason, count=stored)


# -- texts -------------------------------------------------------------------------------------------------------------


def slot_of(text: str | None, values: Values) -> Slot | None:
    """The slot a text names exactly; one blank behind it is not part of it."""
    text = clean(text)
    return Slot.A if text == values[0] else Slot.B if text == values[1] else None


def clean(text: str | None) -> str | None:
    """A value without the one blank that a script of balenaOS leaves behind it."""
    return None if text is None else text.removesuffix(" ")


def _equals(text: str | None, value: str) -> bool:
    """GRUB's unquoted `[ ${text} = value ]`."""
    return not (text or "").split() or _word(text) == value


def _word(text: str | None) -> str | None:
    """What is left of an unquoted variable in a script: its only word."""
    words = (text or "").split(" ")
    words = [word for word in words if word]
    return words[0] if len(words) == 1 else None


def _leading_decimal(text: str) -> int:
    return _leading(_word(text) or "", 10)


def _leading(text: str, base: int) -> int:
    """The number a text starts with; 0 where it starts with none."""
    digits = "0123456789abcdefABCDEF" if base == 16 else "0123456789"
    text = text.lstrip(" \t0x" if base == 16 and text.lstrip().lower().startswith("0x") else " \t")
    found = text[: len(text) - len(text.lstrip(digits))]
    return int(found, base) if found else 0
