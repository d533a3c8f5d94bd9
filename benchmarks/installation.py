"""Installations to measure: the built wheels of core and one family with what they need, and further plugins.

Each is a virtual environment, so that nothing else of this machine is in it. Its packages lie in a folder that a `.pth`
file names, because Python itself lists the site-packages of a virtual environment three times in each start.

A further plugin is what `pip install` leaves behind: a package and its metadata. It announces what real ones would and
raises when it is imported, so a measurement in which one is imported fails.
"""

from __future__ import annotations

import compileall
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
NEEDS = ("attrs", "click", "pluggy")
VENDORS = ("nvidia", "ti", "raspberrypi", "fsl", "rockchip", "amlogic", "qcom", "beagle", "toradex", "variscite")
USB_VENDORS = ("12D1", "05C6", "2C7C", "1E0E", "1199", "0BDA", "148F", "0CF3")


def build(families: Sequence[str], folder: Path, *parts: str) -> list[Path]:
    """The wheels of core, of these families, and of what else of core's folders is a distribution."""
    for source in (
        REPOSITORY,
        *(REPOSITORY / "plugins" / family for family in families),
        *map(REPOSITORY.joinpath, parts),
    ):
        run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source))
    return sorted(folder.glob("*.whl"))


class Installation:
    """The wheels, what they need, `tools` by name, and `further` plugins."""

    def __init__(self, folder: Path, wheels: list[Path], *, tools: Sequence[str] = (), further: int = 0) -> None:
        self.packages = folder / "packages"
        self.python = str(folder / "bin" / "python")
        self.hal = str(self.packages / "bin" / "hal")
        run(sys.executable, "-m", "venv", "--without-pip", str(folder))
        install = ("install", "--no-deps", "--target", str(self.packages))
        versions = ("--constraint", str(REPOSITORY / "constraints.txt"))
        run(
            sys.executable, "-m", "pip", "--python", self.python, *install, *versions, *NEEDS, *tools, *map(str, wheels)
        )
        (own,) = folder.glob("lib/python*/site-packages")
        (own / "packages.pth").write_text(f"{self.packages}\n")
        for number in range(further):
            _add(self.packages, number)
        compileall.compile_dir(self.packages, quiet=1)
        # An index is not kept while its folder is younger than two seconds.
        hour_ago = time.time() - 3600
        os.utime(self.packages, (hour_ago, hour_ago))

    @property
    def index(self) -> Path:
        """The plugin index, written by the first command."""
        return self.packages / "hal" / "__pycache__" / "plugins.index"

    def size_bytes(self, *, byte_code: bool) -> int:
        """Every file that the installation put there, the command included."""
        files = [path for path in self.packages.rglob("*") if path.is_file()]
        return sum(path.stat().st_size for path in files if byte_code or "__pycache__" not in path.parts)

    def imports(self, *arguments: str) -> frozenset[str]:
        """The modules that a command has imported when it ends."""
        script = (
            "import json, sys\n"
            "from hal.cli import main\n"
            "try:\n    main(sys.argv[1:])\n"
            "finally:\n    json.dump(sorted(sys.modules), sys.stderr)\n"
        )
        return frozenset(json.loads(run(self.python, "-P", "-c", script, *arguments, env=ENVIRONMENT).stderr))


def _add(packages: Path, number: int) -> None:
    module = f"hal_further_{number:04}"
    files = {
        f"{module}/__init__.py": f'raise AssertionError("{module} was imported")\n',
        f"{module}-1.0.dist-info/METADATA": f"Metadata-Version: 2.4\nName: hal-further-{number:04}\nVersion: 1.0\n",
        f"{module}-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{module}-1.0.dist-info/INSTALLER": "pip\n",
        f"{module}-1.0.dist-info/entry_points.txt": "[hal]\n"
        + "".join(f"{pattern} = {module}\n" for pattern in _announced(number)),
    }
    files[f"{module}-1.0.dist-info/RECORD"] = "".join(f"{name},,\n" for name in files)
    for name, text in files.items():
        path = packages / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def _announced(number: int) -> Iterator[str]:
    """Of twenty plugins, fourteen own a board with a device tree, three a PC, and three are add-ons for USB devices."""
    chance = random.Random(number)
    if number % 20 < 17:
        yield f"slug:further-gateway-{number:04}"
    if number % 20 < 14:
        for variant in range(chance.randint(1, 2)):
            yield f"of:N*T*C{chance.choice(VENDORS)},further{number:04}-{variant}*"
    elif number % 20 < 17:
        yield f"dmi:*svnFurther*:pnGateway{number:04}:*"
    else:
        for _ in range(chance.randint(1, 4)):
            yield f"usb:v{chance.choice(USB_VENDORS)}p{chance.randrange(0x10000):04X}*"


def run(*argv: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program that must succeed."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=env)
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done
