"""The programs other people wrote for the same formats, asked the same questions on generated files.

`grub-editenv` reads and changes environment blocks; `fw_printenv` of libubootenv reads a saved U-Boot environment.
A number of environments and a seed give the same questions every time.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from shutil import which

from attrs import frozen

from hal.backends.bootloader import uenv
from hal.backends.bootloader.envblock import SIGNATURE, WARNING, EnvBlock
from hal.errors import Damaged, HalError

SEED = 20231123
_SECONDS = 60


@frozen
class Disagreement:
    """One file, what was asked, and both answers (`None`: refused)."""

    question: str
    data: bytes
    ours: bytes | None
    theirs: bytes | None


def _run(program: str, *arguments: str | Path) -> bytes | None:
    # With the whole path and descriptors left open, Python starts it by posix_spawn: half the time of a fork.
    found = which(program) or program
    done = subprocess.run([found, *arguments], capture_output=True, timeout=_SECONDS, close_fds=False)
    return done.stdout if done.returncode == 0 else None


# -- GRUB --------------------------------------------------------------------------------------------------------------

_NAMES = ("bootcount", "resin_root_part", "upgrade_available", "kernel_override_abi", "a", "b_c", "x", "A9_")
_CHARACTERS = "01AB \\\n=#xé\r\t"
_NOISE = (0, 10, 13, 32, 35, 61, 65, 92, 255)


def _record(seed: random.Random) -> tuple[str, str]:
    long = seed.choice((0, 1, 1, 1, 2, 5, 30, 64, 200))
    return seed.choice(_NAMES), "".join(seed.choice(_CHARACTERS) for _ in range(long))


def blocks(number: int, seed: int) -> Iterator[tuple[bytes, random.Random]]:
    """Environment blocks: sound ones, and damaged ones of every kind the dossier knows."""
    for turn in range(number):
        draw = random.Random(f"{seed} block {turn}")
        size = draw.choice((1024, 1024, 1024, 512, 256, 130, 26, 25))
        data = SIGNATURE + (WARNING if draw.random() < 0.3 else b"")
        for _ in range(draw.choice((0, 1, 3, 3, 5, 9))):
            name, value = _record(draw)
            escaped = value.encode().replace(b"\\", b"\\\\").replace(b"\n", b"\\\n")
            data += name.encode() + b"=" + (escaped if draw.random() < 0.9 else value.encode()) + b"\n"
        data = (data + b"#" * size)[:size]
        yield _damaged(data, draw), draw


def _damaged(data: bytes, draw: random.Random) -> bytes:
    kind = draw.random()
    half = len(data) // 2
    if kind < 0.3:
        return data
    if kind < 0.5:
        return data[:-1] + b"\n"
    if kind < 0.55:
        return data[: draw.randrange(len(data) + 1)]
    if kind < 0.6:
        return data + b"#\n"[draw.randrange(2) :] * draw.choice((1, 2))
    if kind < 0.65:
        return data[:half] + draw.choice((b"\0", b"\xff")) * (len(data) - half)
    if kind < 0.68:
        return draw.choice((b"", b"\xff" * 1024, bytes(1024), b"#" * 1024, data[half:] + data[:half]))
    if kind < 0.72:
        return data.replace(b"\n", b"\r\n")[: len(data)]
    noisy = bytearray(data)
    for _ in range(draw.choice((1, 2, 8))):
        noisy[draw.randrange(len(noisy))] = draw.choice(_NOISE)
    return bytes(noisy)


def _ours(data: bytes, change: str = "", name: str = "", value: str = "") -> bytes | None:
    try:
        env = EnvBlock(data, path="block")
        if change == "set":
            env.set(name, value)
        elif change == "unset":
            env.unset(name)
        else:
            return b"".join((n + "=" + v + "\n").encode(errors="surrogateescape") for n, v in env.records())
    except HalError:
        return None
    return env.data


def compare_grub(folder: Path, number: int, seed: int = SEED) -> tuple[list[Disagreement], dict[str, int]]:
    """Each block is listed, then changed; the change must leave the very same bytes. Also how often what was asked."""
    file = folder / "block"
    bad, told = [], {"list": 0, "refused list": 0, "set": 0, "refused set": 0, "unset": 0, "refused unset": 0}

    def judge(question: str, data: bytes, ours: bytes | None, theirs: bytes | None) -> None:
        kind = question.partition(" ")[0]
        told[kind if theirs is not None else f"refused {kind}"] += 1
        if ours != theirs:
            bad.append(Disagreement(question, data, ours, theirs))

    for data, draw in blocks(number, seed):
        file.write_bytes(data)
        judge("list", data, _ours(data), _run("grub-editenv", file, "list"))
        name, value = _record(draw)
        change = draw.choice(("set", "set", "unset"))
        # Their tool removes the first record of a name each time it is asked, ours removes all.
        words = [f"{name}={value}"] if change == "set" else [name] * 12
        ours, done = _ours(data, change, name, value), _run("grub-editenv", file, change, *words)
        if done is None and ours is not None and change == "set" and data.endswith(b"#\n"):
            # Intended: the newline behind the padding, which leaves their tool no room, is given up where it is needed.
            file.write_bytes(data[:-1] + b"#")
            done = _run("grub-editenv", file, change, *words)
        judge(f"{change} {name}={value!r}", data, ours, file.read_bytes() if done is not None else None)
    return bad, told


# -- U-Boot ------------------------------------------------------------------------------------------------------------


def _variables(draw: random.Random) -> dict[str, str]:
    made = {}
    for _ in range(draw.choice((0, 1, 3, 8))):
        name = draw.choice((*_NAMES, "bootcmd", "eth1addr2", "a-b", "über"))
        made[name] = "".join(draw.choice("01aB =#\\;$'\"{}é\t") for _ in range(draw.choice((1, 2, 5, 40))))
    return made


def images(number: int, seed: int) -> Iterator[tuple[int, list[bytes]]]:
    """Saved environments: the size, and one copy or two; some damaged."""
    for turn in range(number):
        draw = random.Random(f"{seed} image {turn}")
        size, copies = draw.choice((512, 1024, 4096)), draw.choice((1, 1, 2))
        made = []
        for mark in draw.sample(range(1, 200), copies):
            data = uenv.image(_variables(draw), size=size, copies=copies, mark=mark)
            if draw.random() < 0.4:
                noisy = bytearray(data)
                for _ in range(draw.choice((1, 1, 5))):
                    noisy[draw.randrange(size)] ^= 1 << draw.randrange(8)
                data = draw.choice((bytes(noisy), b"\xff" * size, bytes(size), data[:-64] + bytes(64), data))
            made.append(data)
        yield size, made


def _newest(made: list[bytes]) -> dict[str, str]:
    """The variables; of two copies the sound one with the higher mark. None where there is no sound copy."""
    found = []
    for data in made:
        try:
            found.append((data[4] if len(made) > 1 else 0, uenv.read_image(data, path="image", copies=len(made))))
        except Damaged:
            continue
    return max(found, key=lambda each: each[0])[1] if found else {}


def compare_uboot(folder: Path, number: int, seed: int = SEED) -> tuple[list[Disagreement], dict[str, int]]:
    """Every image is read by both. `fw_printenv` takes an empty default environment for a damaged one."""
    config = folder / "fw_env.config"
    bad, told = [], {"variables": 0, "empty": 0}
    for size, made in images(number, seed):
        names = [folder / f"image-{i}" for i in range(len(made))]
        for name, data in zip(names, made, strict=True):
            name.write_bytes(data)
        config.write_text("".join(f"{name} 0x0 {size:#x}\n" for name in names))
        theirs = _run("fw_printenv", "-c", config, "-f", os.devnull)
        ours = sorted(f"{name}={value}".encode(errors="surrogateescape") for name, value in _newest(made).items())
        told["variables" if ours else "empty"] += 1
        if theirs is None or sorted(theirs.splitlines()) != ours:
            bad.append(Disagreement(f"print {len(made)} copies", b"|".join(made), b"\n".join(ours), theirs))
    return bad, told
