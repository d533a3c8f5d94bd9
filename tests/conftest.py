"""For all tests: a skipped test fails the run unless its reason is in skips.txt, and the lab's figures are printed;
plugins and trees for one test."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from importlib.metadata import MetadataPathFinder
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import settings

from hal.index import Index
from hal.plugins import Catalog
from hal.root import Root

SKIPS = Path(__file__).with_name("skips.txt")

settings.register_profile("no clock", deadline=None)  # how long one example takes says how busy the machine is
settings.load_profile("no clock")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lab", choices=("bounded", "full"), default="bounded", help="how much of tests/lab is run")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What is marked `full` is a test of the whole lab only."""
    if config.getoption("--lab") == "bounded":
        left = [item for item in items if item.get_closest_marker("full")]
        items[:] = [item for item in items if not item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left)


# -- skipped tests -------------------------------------------------------------------------------------------------


class SkipRule:
    """Notes every skipped test, and fails the session for one whose reason nobody has agreed to."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        self.refused: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            words = report.longrepr[2] if isinstance(report.longrepr, tuple | list) else str(report.longrepr)
            reason = words.removeprefix("Skipped: ")
            if not reason.startswith(self.allowed):
                self.refused[report.nodeid] = reason

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.refused and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.refused:
            terminalreporter.section("skipped for a reason that is not in tests/skips.txt: this run has failed")
            for test, reason in self.refused.items():
                terminalreporter.line(f"{test}: {reason}")


class LabFigures:
    """Prints what the lab has measured: with xdist, what a worker prints is not shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call":
            self.lines += [str(line) for name, line in report.user_properties if name == "lab figures"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.lines:
            terminalreporter.section("lab figures")
            for line in sorted(self.lines):
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "full: run by `make lab`, not by `make test`")
    if not hasattr(config, "workerinput"):  # with xdist, the reports of all workers reach the main process
        config.pluginmanager.register(LabFigures())
        lines = [line.strip() for line in SKIPS.read_text().splitlines()]
        config.pluginmanager.register(SkipRule(tuple(line for line in lines if line and not line.startswith("#"))))


# -- installed plugins -----------------------------------------------------------------------------------------------


class Site:
    """A folder that stands for site-packages, on `sys.path` and in `environment`: plugins installed for one test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "PYTHONPATH": str(folder)}
        self.modules: set[str] = set()

    def install(self, module: str, source: str, *announced: str) -> Path:
        """A package with this source that announces these patterns; returns its folder."""
        package = self.folder / module
        package.mkdir()
        (package / "__init__.py").write_text(dedent(source))
        self.modules.add(module)
        self.announce(module, dict.fromkeys(announced, module))
        return package

    def announce(self, distribution: str, points: dict[str, str]) -> Path:
        """Only the metadata: entry points as name and value; returns its folder."""
        metadata = self.folder / f"{distribution}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (metadata / "entry_points.txt").write_text(f"[hal]\n{lines}")
        invalidate_caches()
        MetadataPathFinder().invalidate_caches()  # the line above does this only from Python 3.12 on
        return metadata

    def catalog(self) -> Catalog:
        """What is installed now: these plugins, and those of the project."""
        return Catalog(Index.installed(cache=None))


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    monkeypatch.syspath_prepend(made.folder)
    yield made
    for name in [name for name in sys.modules if name.partition(".")[0] in made.modules]:
        del sys.modules[name]


# -- trees -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def evidence(tmp_path: Path) -> Callable[..., Root]:
    """A function that makes a tree with exactly the evidence that is named, and nothing else in it."""

    def tree(
        *,
        config: object = None,
        contract: object = None,
        release: str | None = None,
        boot_release: str | None = None,
        compatible: tuple[str, ...] = (),
        model: str | None = None,
        dmi: str | None = None,
    ) -> Root:
        files = {
            "mnt/boot/config.json": None if config is None else json.dumps({"deviceType": config}),
            "mnt/boot/device-type.json": None if contract is None else json.dumps({"slug": contract}),
            "etc/os-release": release,
            "mnt/boot/os-release": boot_release,
            "proc/device-tree/compatible": "".join(f"{name}\0" for name in compatible) or None,
            "proc/device-tree/model": None if model is None else f"{model}\0",
            "sys/class/dmi/id/modalias": None if dmi is None else f"{dmi}\n",
        }
        directory = tmp_path / f"tree-{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        for name, text in files.items():
            if text is not None:
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                (directory / name).write_text(text)
        return Root(directory)

    return tree


@pytest.fixture
def acme(tmp_path: Path) -> Root:
    """The tree of an Acme gateway: a board of none of the project's plugins."""
    (tmp_path / "acme/mnt/boot").mkdir(parents=True)
    (tmp_path / "acme/mnt/boot/config.json").write_text('{"deviceType": "acme-gateway"}')
    return Root(tmp_path / "acme")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """A tree with a few files, beside a file outside of it that nothing may reach."""
    (tmp_path / "secret").write_text("outside")
    tree = tmp_path / "tree"
    (tree / "etc/deep/er").mkdir(parents=True)
    (tree / "etc/name").write_text("inside\n")
    (tree / "etc/deep/er/file").write_text("deep")
    return Root(tree)
