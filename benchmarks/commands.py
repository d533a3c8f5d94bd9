"""Timed commands, interleaved.

pyperf measures the elapsed time of one command after another. Here the figure is a ratio of CPU times, and noise of the
machine must hit both sides of it: so each round runs every command once, in a new order, and a ratio is taken within
the round.
"""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from types import MappingProxyType

from attrs import frozen
from installation import ENVIRONMENT


@frozen
class Sample:
    """What one run of a command took, in seconds: CPU time (user and system) of the process, and elapsed time."""

    cpu: float
    elapsed: float


def sample(argv: Sequence[str], folder: Path) -> Sample:
    """Run a command in an empty folder; it must succeed."""
    start = time.perf_counter()
    process = subprocess.Popen(
        argv, cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, status, usage = os.wait4(process.pid, 0)
    elapsed = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.stderr is not None
    with process.stderr as stream:
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(argv)}: exit status {process.returncode}\n{stream.read().decode()}")
    return Sample(cpu=usage.ru_utime + usage.ru_stime, elapsed=elapsed)


def interleaved(
    commands: Mapping[str, Sequence[str]],
    rounds: int,
    folder: Path,
    before: Mapping[str, Callable[[], object]] = MappingProxyType({}),
) -> dict[str, list[Sample]]:
    """The samples of every command, by round; one round before them fills the caches.

    `before` is what a command needs done each time; its time is not counted.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in commands}
    order = list(commands)
    for number in range(-1, rounds):
        random.shuffle(order)
        for name in order:
            if name in before:
                before[name]()
            taken = sample(commands[name], folder)
            if number >= 0:
                samples[name].append(taken)
    return samples


def ratio(over: Sequence[Sample], under: Sequence[Sample]) -> float:
    """CPU time of one command over that of another: the median of the ratios within each round."""
    return median(a.cpu / b.cpu for a, b in zip(over, under, strict=True))


def minimum_ratio(over: Sequence[Sample], under: Sequence[Sample]) -> float:
    """The same from the least CPU time of each command."""
    return min(a.cpu for a in over) / min(b.cpu for b in under)


def milliseconds(samples: Sequence[Sample]) -> dict[str, float]:
    """Median and minimum, of CPU time and of elapsed time."""
    cpu = [one.cpu * 1000 for one in samples]
    elapsed = [one.elapsed * 1000 for one in samples]
    return {
        "cpu_median": median(cpu),
        "cpu_minimum": min(cpu),
        "elapsed_median": median(elapsed),
        "elapsed_minimum": min(elapsed),
    }
