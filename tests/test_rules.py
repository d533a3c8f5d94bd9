"""The rules of DESIGN section 3 that are about code, checked on the syntax tree of every file of hal/ and plugins/."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from hal.stdlib import read_toml

REPOSITORY = Path(__file__).resolve().parents[1]
CORE = sorted((REPOSITORY / "hal").rglob("*.py"))
PLUGINS = sorted(file for folder in (REPOSITORY / "plugins").glob("*/hal_*") for file in folder.rglob("*.py"))
FILES = [file for file in (*CORE, *PLUGINS) if "__pycache__" not in file.parts]
NAMES = [str(file.relative_to(REPOSITORY)) for file in FILES]
EVERY = sorted(
    str(file.relative_to(REPOSITORY))
    for folder in ("hal", "plugins", "tests", "tools", "benchmarks", "docs")
    for file in (REPOSITORY / folder).rglob("*.py")
)

FILE_ACCESS = {
    "hal/root.py": "it is the file access",
    "hal/walk.py": "reads the links on the way, for Root",
    "hal/program.py": "pipes of a program",
    "hal/index.py": "the Python installation, not the device: metadata and the cache of the index",
    "hal/backends/rtc/node.py": "device nodes: clocks and I²C buses",
    "hal/backends/at/port.py": "device nodes: serial ports of modems",
    "hal/tree/new.py": "makes the folder that a Root will stand on",
    "hal/image/yocto/installed.py": "the Python installation: the distributions that an image carries",
    "hal/image/folder.py": "makes the folder that an image is built from",
    "hal/image/disk/entry.py": "what an OS build deployed, with links and nodes as they are, and copies of it",
    "hal/image/disk/making.py": "makes the medium beside the place where it goes",
}
"""Where files are touched otherwise than through a `Root`, and why."""

DEVICE_CODE = [name for name in NAMES if not name.startswith(("hal/cli/", "hal/testing/")) and name not in FILE_ACCESS]
ENVIRONMENT = ("hal/cli/",)
BANNED = re.compile(r"manager|handler|helper|util", re.IGNORECASE)
PRODUCTS = {"network_manager_packages": "NetworkManager is a product"}
MAX_LINES = 600


def tree(name: str) -> ast.Module:
    return ast.parse((REPOSITORY / name).read_text(), name)


def dotted(node: ast.expr) -> str:
    """`os.path.join` for the expression that spells it; empty for any other."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


# -- the rules themselves can fail -----------------------------------------------------------------------------------


def opens(module: ast.Module) -> list[str]:
    """Calls that reach a file past `Root`."""
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    functions = {
        "open",
        "io.open",
        "os.open",
        "codecs.open",
        "os.listdir",
        "os.scandir",
        "os.stat",
        "os.remove",
        "os.rename",
    }
    methods = {
        "read_text", "write_text", "read_bytes", "write_bytes", "unlink", "mkdir", "touch", "iterdir", "rglob", "rmdir",
        "symlink_to", "rename", "chmod", "is_symlink", "readlink",
    }  # fmt: skip
    found = [dotted(call.func) for call in calls if dotted(call.func) in functions]
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr in methods:
            owner = dotted(call.func.value) or ast.unparse(call.func.value)
            if owner.rpartition(".")[2] not in ("root", "_root"):
                found.append(f"{owner}.{call.func.attr}")
    return found


def environment(module: ast.Module) -> list[str]:
    names = [dotted(node) for node in ast.walk(module) if isinstance(node, ast.expr)]
    found = [name for name in names if name in ("os.environ", "os.getenv", "os.environb", "os.putenv", "os.unsetenv")]
    return found + [name for name in imported(module) if name in ("os.environ", "os.getenv")]


def absolute_paths(module: ast.Module) -> list[str]:
    """Literal paths of the machine this runs on, where something is made of them that could be opened."""
    makers = re.compile(r"(?:.*\.)?(?:(?:Pure)?(?:Posix)?Path|Root|open|joinpath|with_segments)|(?:os|shutil|glob)\..*")
    found = []
    for node in ast.walk(module):
        parts: list[ast.expr] = []
        if isinstance(node, ast.Call) and makers.fullmatch(dotted(node.func) or ast.unparse(node.func)):
            parts = [inner for part in node.args for inner in ast.walk(part) if isinstance(inner, ast.expr)]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            parts = [node.left, node.right]
        texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
        found += [text for text in texts if text.startswith("/")]
    return found


def programs(module: ast.Module) -> list[str]:
    """Ways to run a program past `Root.run`."""
    names = [dotted(node.func) for node in ast.walk(module) if isinstance(node, ast.Call)]
    direct = [name for name in names if re.match(r"os\.(?:system|popen|exec|spawn|posix_spawn|fork)|eval$|exec$", name)]
    return direct + [name for name in imported(module) if name.partition(".")[0] in ("subprocess", "pty", "commands")]


def version_branches(module: ast.Module) -> list[str]:
    """What type checking for the oldest Python does not see: code for newer ones, and `fromisoformat`: it differs."""
    names = [ast.unparse(node) for node in ast.walk(module) if isinstance(node, ast.Attribute)]
    apart = re.compile(r"sys\.(?:version_info|hexversion)|.*\.fromisoformat")
    return [name for name in (*names, *imported(module)) if apart.fullmatch(name)]


def module_level_managers(module: ast.Module) -> list[str]:
    """Calls of pluggy's class outside any function: one plugin's answer would reach every board."""
    found = []
    pending: list[ast.AST] = [module]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "PluginManager":
            found.append(ast.unparse(node))
        pending.extend(ast.iter_child_nodes(node))
    return found


def defined(module: ast.Module) -> Iterator[str]:
    """Every name a file gives to something: classes, functions, parameters, variables, attributes, keywords."""
    for node in ast.walk(module):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
                yield name


def vague_names(module: ast.Module) -> list[str]:
    return [name for name in defined(module) if BANNED.search(name) and name not in PRODUCTS]


def clocked(module: ast.Module) -> list[str]:
    """gzip with the time of day in its head: other bytes at every run, other tests in every worker of the suite."""
    calls = [node for node in ast.walk(module) if isinstance(node, ast.Call)]
    makers = [call for call in calls if dotted(call.func) in ("gzip.compress", "gzip.GzipFile", "gzip.open")]
    return [ast.unparse(call)[:60] for call in makers if not any(word.arg == "mtime" for word in call.keywords)]


@pytest.mark.parametrize(
    ("rule", "source", "found"),
    [
        (clocked, "gzip.compress(b'x')", 1),
        (clocked, "gzip.GzipFile(fileobj=f, mode='wb')", 1),
        (clocked, "gzip.compress(b'x', mtime=0); gzip.decompress(y)", 0),
        (opens, "open('x')", 1),
        (opens, "import os\nos.open('x', 0)", 1),
        (opens, "Path('x').read_text()", 1),
        (opens, "(folder / 'x').write_bytes(b'')", 1),
        (opens, "root.read_text('x'); self.root.read_bytes('y'); Device.open(root); self._root.read_text('z')", 0),
        (environment, "import os\nos.environ['HOME']", 1),
        (environment, "os.getenv('HOME')", 1),
        (environment, "from os import environ", 1),
        (environment, "environment = {}", 0),
        (absolute_paths, "Path('/etc/passwd')", 1),
        (absolute_paths, "pathlib.PurePosixPath(f'/sys/{name}').parts", 1),
        (absolute_paths, "folder.joinpath('/etc/passwd')", 1),
        (absolute_paths, "os.listdir(name or '/dev')", 1),
        (absolute_paths, "Root('/')", 1),
        (absolute_paths, "x = folder / '/etc'", 1),
        (absolute_paths, "TreeFile(link='/etc/x'); text = '/mnt/boot'; Path('etc'); Root(directory)", 0),
        (programs, "os.system('ls')", 1),
        (programs, "import subprocess", 1),
        (programs, "from subprocess import run", 1),
        (programs, "root.run(['ls'], timeout_seconds=1)", 0),
        (version_branches, "if sys.version_info >= (3, 12): pass", 1),
        (version_branches, "from sys import version_info", 1),
        (version_branches, "date.fromisoformat(x); datetime(1, 1, 1).fromisoformat(x)", 2),
        (version_branches, "info.version_info = sys.version", 0),
        (module_level_managers, "M = PluginManager('hal')", 1),
        (module_level_managers, "class A:\n    m = pluggy.PluginManager('hal')", 1),
        (module_level_managers, "def f():\n    return pluggy.PluginManager('hal')", 0),
        (vague_names, "class FanManager: pass", 1),
        (vague_names, "def helper(): pass", 1),
        (vague_names, "def f(handler): pass", 1),
        (vague_names, "self._manager = 1\nutils = 2", 2),
        (vague_names, "import x as util", 1),
        (vague_names, "from contextlib import contextmanager\nx.manager()", 0),
    ],
)
def test_each_rule_sees_what_it_is_for(rule, source: str, found: int) -> None:  # type: ignore[no-untyped-def]
    assert len(rule(ast.parse(source))) == found


# -- the code obeys them ---------------------------------------------------------------------------------------------


def test_there_is_something_to_check() -> None:
    assert len(CORE) > 25
    assert {Path(name).parts[1] for name in NAMES if name.startswith("plugins/")} == {
        "beaglebone", "jetson", "jetson_orin", "modems", "raspberrypi", "wifi", "x86_grub",
    }  # fmt: skip
    assert set(FILE_ACCESS) <= set(NAMES), "an exception for a file that is gone"


@pytest.mark.parametrize("name", DEVICE_CODE)
def test_files_are_reached_through_root(name: str) -> None:
    assert opens(tree(name)) == []


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith(ENVIRONMENT)])
def test_no_environment_variable_is_read_below_the_command_line(name: str) -> None:
    assert environment(tree(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_absolute_path_is_opened(name: str) -> None:
    """`/` itself stands in two places: where the command line defaults to this machine, and where Root knows it."""
    allowed = ["/"] if name in ("hal/root.py", "hal/cli/common.py") else []
    assert sorted(set(absolute_paths(tree(name)))) in ([], allowed)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "hal/program.py"])
def test_programs_are_run_through_root(name: str) -> None:
    assert programs(tree(name)) == []


@pytest.mark.parametrize("name", EVERY)
def test_what_is_packed_does_not_carry_the_time_of_day(name: str) -> None:
    assert clocked(tree(name)) == []


@pytest.mark.parametrize("name", [name for name in NAMES if name != "hal/stdlib.py"])
def test_what_python_versions_differ_in_has_one_home(name: str) -> None:
    assert version_branches(tree(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_plugin_manager_lives_in_a_module(name: str) -> None:
    assert module_level_managers(tree(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_names_say_what_a_thing_is(name: str) -> None:
    assert vague_names(tree(name)) == []
    assert not BANNED.search(name)


@pytest.mark.parametrize("name", NAMES)
def test_files_stay_readable(name: str) -> None:
    assert len((REPOSITORY / name).read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("name", NAMES)
def test_a_file_says_what_it_is_for(name: str) -> None:
    text = ast.get_docstring(tree(name))
    assert text, "no module docstring"
    assert len(text.splitlines()[0]) > 15


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("plugins/")])
def test_a_plugin_imports_only_core_and_itself(name: str) -> None:
    own = Path(name).parts[2]
    foreign = {
        module.partition(".")[0]
        for module in imported(tree(name))
        if module.startswith("hal_") and module.partition(".")[0] != own
    }
    assert foreign == set()


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("plugins/")])
def test_importing_a_plugin_does_nothing(name: str) -> None:
    """On the outermost level a plugin imports, defines and assigns; it calls only what makes data."""
    allowed = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign, ast.Expr)
    for node in tree(name).body:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            assert all(isinstance(inner, ast.ImportFrom) for inner in node.body)
            assert node.orelse == []
            continue
        assert isinstance(node, allowed), ast.unparse(node)[:60]
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant), f"a call for its effect: {ast.unparse(node)[:60]}"


def test_the_readme_names_every_extra() -> None:
    extras = read_toml((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [name for name in extras if f"device-hal[{name}]" not in (REPOSITORY / "README.md").read_text()] == []
