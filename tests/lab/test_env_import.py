"""U-Boot's own `env import -t` agrees with ours, on valid and on damaged texts."""

from __future__ import annotations

import random
from collections.abc import Callable

from hal.backends.bootloader.envblock import EnvBlock
from hal.backends.bootloader.names import COMMITTED_KEY
from hal.backends.bootloader.uenv import import_text, text
from lab.uboot import RAM, UBoot

NAMES = ("lab_a", "lab_b", "lab_c", "resin_root_part", "bootcount")
SEED = 20261123
PLACE = RAM + (1 << 20)
STEP = 4096


def generated(number: int) -> list[bytes]:
    """Texts of all kinds; each is at most `STEP` bytes and holds nothing that a serial console would hide."""
    drawn = random.Random(SEED)
    pieces = [b"lab_a=1", b"lab_b=x y", b" lab_c=\\\\z", b"lab_a=", b"lab_b", b"#lab_c=1", b"=", b"resin_root_part=1a",
              b"bootcount=3", b"\\", b"lab_c=a=b", b"lab_a=1 ", b"\tlab_b=2", b"", b"junk", b"lab_c=\\n"]  # fmt: skip
    known = [
        text({"resin_root_part": "3", "upgrade_available": "1"}),
        b"bootcount=3\n\0",
        b"bootcount=3",
        b"\xff" * 64,
        bytes(32),
        b"\n" * 40,
        EnvBlock.new({COMMITTED_KEY: "2", "lab_a": "1"}, path="x", size=512).data,
    ]
    made = []
    while len(made) < number - len(known):
        separators = [b"\n"] * 8 + [b"\0", b"\n\n"]
        data = b"".join(drawn.choice(pieces) + drawn.choice(separators) for _ in range(drawn.randrange(1, 9)))
        made.append(data if drawn.random() < 0.7 else data[: drawn.randrange(1, len(data) + 1)])
    return known + made


def test_every_text_is_imported_as_u_boot_does(full: bool, figures: Callable[..., None]) -> None:
    texts = generated(2000 if full else 300)
    wrong = []
    for start in range(0, len(texts), 200):
        some = texts[start : start + 200]
        memory = {PLACE: b"".join(data.ljust(STEP, b"\0") for data in some)}
        commands = []
        for number, data in enumerate(some):
            unset = "; ".join(f"setenv {name} old" for name in NAMES)
            commands.append(unset)
            commands.append(f"env import -t {PLACE + number * STEP:x} {len(data):x}")
            commands.append("printenv " + " ".join(NAMES))
        answers = UBoot().answers(commands, memory=memory, timeout_seconds=300)
        for number, data in enumerate(some):
            told = dict(
                line.split("=", 1) for line in answers[3 * number + 2].split("\n") if "=" in line and line[:4] != "## E"
            )
            values = import_text(data).values
            ours = {name: values.get(name, "old") for name in NAMES}
            if told != {name: value for name, value in ours.items() if value is not None}:
                wrong.append((data, told, ours))
    figures("env-import", environments=len(texts), disagreements=len(wrong), seed=SEED)
    assert not wrong, wrong[0]
