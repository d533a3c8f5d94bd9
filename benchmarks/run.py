"""Measures the figures of docs/benchmarks.md, prints them, and writes build/benchmarks.json.

Exit status 1 where a figure is above its limit.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import modems
import pyperf
from commands import interleaved, milliseconds, minimum_ratio, ratio, sample
from figures import BOARD, FAMILY, FIGURES, MANY, RELEASE, ROUNDS, SOME, UNWANTED
from hotplug import cost
from installation import ENVIRONMENT, REPOSITORY, Installation, build, run

from hal.root import Root

sys.path.insert(0, str(REPOSITORY / "tests"))
from settings.whole import put, whole

OUTPUT = REPOSITORY / "build" / "benchmarks.json"
OPEN_PROCESSES = 10
STALE_RUNS = 10
IMAGE_RUNS = 5


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the figures of docs/benchmarks.md.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="runs of each command, at least 30 [%(default)s]")
    rounds = max(30, parser.parse_args().rounds)
    with TemporaryDirectory(prefix="hal-benchmarks-") as folder:
        found = measure(Path(folder), rounds)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(found, indent=2) + "\n")
    show(found)
    broken = [figure for figure in FIGURES if above(figure.limit, figure.name, found)]
    for figure in broken:
        print(f"limit exceeded: {figure.name}: {figure.what}", file=sys.stderr)
    return 1 if broken else 0


def above(bound: float | None, name: str, found: dict[str, Any]) -> bool:
    """Whether median and minimum are above: noise moves one of them, a slower program both."""
    value = found["figures"][name]
    return bound is not None and min(value, found["from_minimum"].get(name, value)) > bound


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    wheels = build([FAMILY], folder / "wheels")
    core = Installation(folder / "core", wheels)
    size, size_source = (core.size_bytes(byte_code=each) / 1e6 for each in (True, False))
    some = Installation(folder / "some", wheels, further=SOME)
    many = Installation(folder / "many", wheels, further=MANY)
    tree, empty = folder / "tree", folder / "empty"
    empty.mkdir()
    run(core.hal, "tree", "new", "--board", BOARD, str(tree), env=ENVIRONMENT)

    asked, applied, changed = (folder / name for name in ("asked", "applied", "changed"))
    shutil.copytree(tree, asked, symlinks=True)
    put(Root(asked), whole(BOARD, os__power__mode="high", os__fan__profile="cool"))
    shutil.copytree(asked, applied, symlinks=True)
    run(core.hal, "--root", str(applied), "apply", env=ENVIRONMENT)

    def anew() -> None:
        shutil.rmtree(changed, ignore_errors=True)
        shutil.copytree(asked, changed, symlinks=True)

    capabilities = ("--root", str(tree), "capabilities", "--json")
    imports = ("-c", "import attrs, pluggy")
    commands = {
        "python": [core.python, "-c", "pass"],
        "imports": [core.python, *imports],
        "imports-crowded": [many.python, *imports],
        "capabilities": [core.hal, *capabilities],
        "capabilities-crowded": [many.hal, *capabilities],
        "help": [some.hal, "--help"],
        "apply": [core.hal, "--root", str(applied), "apply"],
        "apply-all": [core.hal, "--root", str(changed), "apply"],
    }
    ratios = {
        "cold": ("capabilities", "imports"),
        "crowded": ("capabilities-crowded", "capabilities"),
        "crowded-python": ("imports-crowded", "imports"),
        "help": ("help", "python"),
        "apply": ("apply", "capabilities"),
        "apply-all": ("apply-all", "capabilities"),
    }
    samples = interleaved(commands, rounds, empty, {"apply-all": anew})
    modules, modules_crowded = core.imports(*capabilities), many.imports(*capabilities)
    (folder / "usb").mkdir()
    plugged = cost(folder / "usb") | modems.costs() | modems.ready()
    opened = open_device(Installation(folder / "tools", wheels, tools=("pyperf",)), tree, folder / "open.json")
    images = image_ratios(folder, wheels, empty)
    figures = {
        **{name: ratio(samples[over], samples[under]) for name, (over, under) in ratios.items()},
        "crowded-imports": len(modules_crowded - modules),
        "unwanted-imports": len(modules.intersection(UNWANTED)),
        "stale": stale(many, commands["capabilities-crowded"], empty),
        **{name: median(values) for name, values in (opened | plugged | images).items()},
        "size": size,
        "size-source": size_source,
    }
    least = {
        **{name: minimum_ratio(samples[over], samples[under]) for name, (over, under) in ratios.items()},
        **{name: min(values) for name, values in (opened | plugged | images).items()},
    }
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {system()}, Python {platform.python_version()}, {platform.machine()}",
        "rounds": rounds,
        "figures": figures,
        "from_minimum": least,
        "imported_modules": len(modules),
        "unwanted": sorted(modules.intersection(UNWANTED)),
        "commands_ms": {name: milliseconds(taken) for name, taken in samples.items()},
    }


def stale(crowded: Installation, argv: list[str], empty: Path) -> float:
    """What the first command after an installation costs: it reads every plugin's metadata, and keeps the index."""
    ratios = []
    for _ in range(STALE_RUNS):
        crowded.index.unlink()
        without = sample(argv, empty)
        if not crowded.index.exists():
            sys.exit("the index was not kept")
        ratios.append(without.cpu / sample(argv, empty).cpu)
    return median(ratios)


def image_ratios(folder: Path, wheels: list[Path], empty: Path) -> dict[str, list[float]]:
    """The layer of one board by a cold command, and the layers of every device type in one process."""
    families = sorted(path.parent.name for path in (REPOSITORY / "plugins").glob("*/pyproject.toml"))
    every = Installation(folder / "every", build(families, folder / "every-wheels", "hal/image"))
    one = [every.hal, "image", "build", "--board", BOARD, "--release", RELEASE, "--output", str(folder / "layer")]
    imports = [every.python, "-c", "import attrs, pluggy"]
    script = [every.python, str(Path(__file__).with_name("images.py")), RELEASE]
    found: dict[str, list[float]] = {"image": [], "images": []}
    sample(one, empty)
    for _ in range(IMAGE_RUNS):
        cold, under, all_of_them = (sample(argv, empty).cpu for argv in (one, imports, script))
        found["image"].append(cold / under)
        found["images"].append(all_of_them / cold)
    return found


def open_device(installation: Installation, tree: Path, output: Path) -> dict[str, list[float]]:
    """Milliseconds to open a device, by benchmark."""
    script = Path(__file__).with_name("open_device.py")
    options = ("--quiet", "--processes", str(OPEN_PROCESSES), "--output", str(output))
    run(installation.python, str(script), str(tree), *options, env=ENVIRONMENT)
    suite = pyperf.BenchmarkSuite.load(str(output))
    return {one.get_name(): [value * 1000 for value in one.get_values()] for one in suite.get_benchmarks()}


def system() -> str:
    return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())


def show(found: dict[str, Any]) -> None:
    print(f"{found['date']}: {found['machine']}; {found['rounds']} rounds\n")
    print(f"{'figure':17} {'value':>7} {'minimum':>8} {'limit':>6} {'aim':>5} {'':10} what")
    for figure in FIGURES:
        value = found["figures"][figure.name]
        least, limit, aim = (
            "" if number is None else f"{number:.4g}"
            for number in (found["from_minimum"].get(figure.name), figure.limit, figure.aim)
        )
        bounds = (("LIMIT", figure.limit), ("aim", figure.aim))
        missed = [word for word, bound in bounds if above(bound, figure.name, found)]
        print(
            f"{figure.name:17} {value:>7.4g} {least:>8} {limit:>6} {aim:>5} {figure.unit:2} {(*missed, '')[0]:7} "
            f"{figure.what}"
        )
    print(f"\n{'command':21} {'CPU ms':>8} {'minimum':>8} {'elapsed ms':>11} {'minimum':>8}")
    for name, each in found["commands_ms"].items():
        print(
            f"{name:21} {each['cpu_median']:>8.1f} {each['cpu_minimum']:>8.1f}"
            f" {each['elapsed_median']:>11.1f} {each['elapsed_minimum']:>8.1f}"
        )
    if found["unwanted"]:
        print(f"\nimported without need: {', '.join(found['unwanted'])}")


if __name__ == "__main__":
    sys.exit(main())
