"""Running programs: the tree's own first, the machine's never by accident, and an end to everything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hal.errors import FileFault, ProgramFault
from hal.program import MAX_BYTES, SEARCH, Completed
from hal.root import Root

Program = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path) -> Root:
    (tmp_path / "tree/usr/bin").mkdir(parents=True)
    return Root(tmp_path / "tree")


@pytest.fixture
def program(root: Root) -> Program:
    def make(text: str, name: str = "usr/bin/tool", mode: int = 0o755) -> Path:
        path = root.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        return path

    return make


def run(root: Root, *argv: str, seconds: float = 30, **options: Any) -> Completed:
    return root.run(argv, timeout_seconds=seconds, **options)


def is_running(pid: int) -> bool:
    """Whether a process is there and is not merely waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until(true: Callable[[], bool]) -> bool:
    """Whether something comes true within ten seconds."""
    end = time.monotonic() + 10
    while not true():
        if time.monotonic() > end:
            return False
        os.sched_yield()
    return True


# -- which program ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", SEARCH)
def test_found_in_every_folder_of_the_tree(folder: str, root: Root, program: Program) -> None:
    path = program("#!/bin/sh\n", f"{folder}/tool")
    assert root.which("tool") == path


def test_the_first_folder_wins(root: Root, program: Program) -> None:
    for folder in reversed(SEARCH):
        path = program(f"#!/bin/sh\necho {folder}\n", f"{folder}/tool")
        assert root.which("tool") == path
    assert run(root, "tool").stdout == f"{SEARCH[0]}\n"


def test_the_tree_comes_before_the_machine(root: Root, program: Program) -> None:
    program("#!/bin/sh\necho the tree\n", "bin/cat")
    assert run(root, "cat", host=True).stdout == "the tree\n"
    assert run(root, "cat").stdout == "the tree\n"


@pytest.mark.parametrize("name", ["cat", "reboot", "systemctl", "sh", "/bin/cat", "bin/cat", "//bin/cat", "../bin/cat"])
def test_a_program_of_the_machine_is_not_run_for_a_tree(name: str, root: Root) -> None:
    assert root.which(name) is None
    with pytest.raises(ProgramFault, match=f"{name}: no such program in the tree {root.directory}") as error:
        run(root, name)
    assert error.value.path == name


def test_a_link_out_of_the_tree_is_no_program(root: Root) -> None:
    shutil.copy("/bin/true", root.directory.parent / "outside")
    for name, target in (("a", "/bin/true"), ("b", "../../../outside"), ("c", str(root.directory.parent / "outside"))):
        (root.directory / "usr/bin" / name).symlink_to(target)
        assert root.which(name) is None
        with pytest.raises(ProgramFault, match="no such program"):
            run(root, name)


def test_host_is_for_a_bare_name_only(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    assert root.which("cat", host=True) == Path(shutil.which("cat") or "")
    assert run(root, "echo", "a", "b", host=True).stdout == "a b\n"
    monkeypatch.chdir("/")
    for name in ("bin/cat", "/bin/cat", "./bin/cat"):
        assert root.which(name, host=True) is None
    assert root.which("no-such-program", host=True) is None


def test_the_machines_sbin_is_searched_whatever_the_callers_path_is(
    root: Root, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = root.which("mke2fs", host=True)
    assert found is not None
    assert found.parent.name == "sbin"


def test_a_path_is_below_the_root(root: Root, program: Program) -> None:
    path = program("#!/bin/sh\necho here\n", "opt/nvidia/tool")
    for name in ("opt/nvidia/tool", "/opt/nvidia/tool", "opt/../opt/nvidia/tool"):
        assert root.which(name) == path
        assert run(root, name).stdout == "here\n"


def test_the_machine_itself() -> None:
    machine = Root("/")
    assert run(machine, "sh", "-c", "echo here").stdout == "here\n"
    with pytest.raises(ProgramFault, match="no-such-program: no such program on this machine"):
        run(machine, "no-such-program")


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o000])
def test_a_file_that_is_not_executable_is_passed_over(mode: int, root: Root, program: Program) -> None:
    program("#!/bin/sh\necho wrong\n", mode=mode)
    assert root.which("tool") is None
    later = program("#!/bin/sh\necho right\n", "bin/tool")
    assert root.which("tool") == later


def test_a_folder_is_no_program(root: Root) -> None:
    (root.directory / "usr/bin/tool").mkdir()
    assert root.which("tool") is None
    assert root.which("") is None
    assert root.which("usr/bin/") is None


def test_one_program_with_many_names_sees_the_one_it_was_called_by(tmp_path: Path) -> None:
    """BusyBox, which most programs of a device are, decides by it what to do."""
    shutil.copy("/bin/sh", tmp_path / "busybox")
    (tmp_path / "hwclock").symlink_to("busybox")
    assert run(Root("/"), str(tmp_path / "hwclock"), "-c", "echo $0").stdout == f"{tmp_path}/hwclock\n"


def test_a_compiled_program_of_a_tree_is_not_run(root: Root) -> None:
    """It is the real one of some device, and would act on the machine that runs this."""
    shutil.copy("/bin/sh", root.directory / "usr/bin/systemctl")
    with pytest.raises(ProgramFault, match="only scripts of a tree are run"):
        run(root, "systemctl", "-c", "echo hello")


# -- what does not start -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [b"", b"\x7fELF", b"\x7fELF" + bytes(200), bytes(range(256)) * 10, b"no script", b"#!/no/such/interpreter\n"],
    ids=["empty", "cut ELF", "zeros", "garbage", "text", "interpreter"],
)
def test_what_cannot_be_started_is_a_fault(content: bytes, root: Root, program: Program) -> None:
    path = program("")
    path.write_bytes(content)
    with pytest.raises(ProgramFault, match=r"tool: (cannot be started: |only scripts)"):
        run(root, "tool")
    with pytest.raises(ProgramFault, match="cannot be started: "):
        run(Root("/"), str(path))


def test_a_program_for_another_processor_is_a_fault(root: Root, program: Program) -> None:
    image = bytearray(Path(os.path.realpath(sys.executable)).read_bytes()[:4096])
    image[18:20] = (0x2A).to_bytes(2, sys.byteorder)  # e_machine: SuperH
    path = program("")
    path.write_bytes(image)
    with pytest.raises(ProgramFault, match="tool: cannot be started: Exec format error"):
        run(Root("/"), str(path))


@pytest.mark.parametrize("argument", ["a\0b", "\ud800", "x" * 3_000_000], ids=["NUL", "surrogate", "long"])
def test_an_argument_that_cannot_be_passed_is_a_fault(argument: str, root: Root, program: Program) -> None:
    program("#!/bin/sh\n")
    with pytest.raises(ProgramFault, match="tool: "):
        run(root, "tool", argument)


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "a" * 300, "../../bin/sh", ""], ids=ascii)
@pytest.mark.parametrize("host", [False, True])
def test_an_impossible_name_is_a_fault(name: str, host: bool, root: Root) -> None:
    with pytest.raises(ProgramFault, match="no such program"):
        run(root, name, host=host)


def test_a_root_that_is_gone_is_a_fault(root: Root, program: Program) -> None:
    program("#!/bin/sh\n")
    shutil.rmtree(root.directory)
    with pytest.raises(ProgramFault):
        run(root, "tool")


# -- what a program gets -----------------------------------------------------------------------------------------------


def test_its_surroundings(root: Root, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("SECRET", "password")
    look = (
        'echo "$HAL_ROOT"',
        "pwd",
        "env | cut -d= -f1",
        'echo "$@"',
        "readlink /proc/$$/fd/0",
        "cut -d' ' -f6 /proc/$$/stat",
    )
    program("#!/bin/sh\n" + "\n".join(look))
    lines = run(root, "tool", "a b", "$HOME", "*").stdout.splitlines()
    assert lines[:2] == [str(root.directory)] * 2
    assert {"HAL_ROOT", "LC_ALL", "PATH"} <= set(lines)
    assert not {"SECRET", "HOME", "LD_PRELOAD", "PYTHONPATH"} & set(lines)
    assert "a b $HOME *" in lines, "arguments are passed as they are, through no shell"
    assert "/dev/null" in lines
    assert lines[-1].strip() != str(os.getsid(0))


def test_standard_input_is_at_its_end(root: Root, program: Program) -> None:
    program("#!/bin/sh\nread line || echo nothing to read\n")
    code = f"from hal.root import Root; print(Root({str(root.directory)!r}).run(['tool'], timeout_seconds=30).stdout)"
    caller = [sys.executable, "-c", code]
    answer = subprocess.run(caller, input="what the caller was given\n", capture_output=True, text=True, timeout=60)
    assert answer.stdout.strip() == "nothing to read"


@pytest.mark.parametrize("size", [1, 5_000_000])
def test_standard_input_that_is_given_arrives_whole_and_ends(size: int, root: Root, program: Program) -> None:
    program("#!/bin/sh\nsleep 0.1; wc -c\n")
    assert run(root, "tool", stdin=b"\0" * size).stdout.strip() == str(size)


def test_what_is_added_to_the_environment_stands_over_what_is_there(root: Root, program: Program) -> None:
    program('#!/bin/sh\necho "$TZ $LC_ALL $HAL_ROOT"\n')
    added = {"TZ": "UTC", "LC_ALL": "C.UTF-8"}
    assert run(root, "tool", environment=added).stdout.split() == ["UTC", "C.UTF-8", str(root.directory)]


def test_a_fake_program_keeps_state_in_its_tree(root: Root, program: Program) -> None:
    program('#!/bin/sh\necho "$1" >>"$HAL_ROOT/log"; wc -l <"$HAL_ROOT/log"\n')
    assert [run(root, "tool", word).stdout.strip() for word in ("a", "b", "c")] == ["1", "2", "3"]
    assert root.read_text("log") == "a\nb\nc\n"


def test_no_file_of_this_process_is_passed_on(root: Root, program: Program) -> None:
    program("#!/bin/sh\nls /proc/self/fd\n")
    with (root.directory / "open").open("w") as opened:
        os.set_inheritable(opened.fileno(), True)
        assert str(opened.fileno()) not in run(root, "tool").stdout.split()[3:]


# -- how it ends -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "status", "words"),
    [
        ("exit 0", 0, None),
        ("exit 3", 3, "tool x: exit status 3"),
        ("echo one; echo two >&2; exit 1", 1, "tool x: exit status 1: two"),
        ("printf 'one\\ntwo\\n\\n'; exit 1", 1, "tool x: exit status 1: two"),
        ("printf '\\377' >&2; exit 1", 1, "tool x: exit status 1: \N{REPLACEMENT CHARACTER}"),
        ("kill -9 $$", -9, "tool x: exit status -9"),
        ("kill -SEGV $$", -11, "tool x: exit status -11"),
    ],
)
def test_the_exit_status(script: str, status: int, words: str | None, root: Root, program: Program) -> None:
    program(f"#!/bin/sh\n{script}\n")
    assert run(root, "tool", "x", check=False).status == status
    if words is None:
        run(root, "tool", "x")
    else:
        with pytest.raises(ProgramFault) as error:
            run(root, "tool", "x")
        assert (error.value.message, error.value.path) == (words, "tool")


def test_both_outputs_are_kept_apart_and_whole(root: Root, program: Program) -> None:
    """More than a pipe holds, on both at once: a program that waits for its reader would stand still."""
    write = "sys.stdout.write('o' * 500); sys.stderr.write('e' * 500)"
    program(f"#!{sys.executable}\nimport sys\nfor _ in range(2000): {write}\n")
    done = run(root, "tool")
    assert (done.stdout, done.stderr) == ("o" * 1_000_000, "e" * 1_000_000)


def test_all_that_is_printed_just_before_the_end_is_read(root: Root, program: Program) -> None:
    fill = "fcntl.fcntl(1, fcntl.F_SETPIPE_SZ, 1 << 20); os.write(1, b'x' * 1_000_000)"
    program(f"#!{sys.executable} -S\nimport fcntl, os\n{fill}\n")
    assert {len(run(root, "tool").stdout) for _ in range(20)} == {1_000_000}


@pytest.mark.parametrize("redirection", ["", ">&2"])
def test_output_without_end_is_stopped_early(redirection: str, root: Root, program: Program) -> None:
    program(f"#!/bin/sh\nexec yes {redirection}\n")
    start = time.monotonic()
    with pytest.raises(ProgramFault, match=f"tool: printed more than {MAX_BYTES} bytes, stopped"):
        run(root, "tool", seconds=60)
    assert time.monotonic() - start < 30


def test_a_program_that_closes_its_outputs_is_still_waited_for(root: Root, program: Program) -> None:
    program("#!/bin/sh\nexec >&- 2>&-\nsleep 0.3\nexit 5\n")
    assert run(root, "tool", check=False).status == 5
    program("#!/bin/sh\nexec >&- 2>&-\nexec sleep 60\n")
    with pytest.raises(ProgramFault, match=r"did not end within 0\.2 s"):
        run(root, "tool", seconds=0.2)


# -- deadlines ---------------------------------------------------------------------------------------------------------

FOREVER = {
    "itself": "echo $$ >pids; exec sleep 600",
    "child": "sleep 600 & echo $! $$ >pids; wait",
    "grandchild": "sh -c 'sleep 600 & echo $! $$ >pids; wait'",
    "deaf": "trap '' TERM INT HUP; sleep 600 & echo $! $$ >pids; wait; wait; sleep 600",
    "busy": "echo $$ >pids; while :; do :; done",
    "chatty": "echo $$ >pids; while :; do echo x; sleep 0.01; done",
    "stopped": "echo $$ >pids; kill -STOP $$",
}


@pytest.mark.parametrize("kind", FOREVER)
def test_a_deadline_ends_the_program_and_its_children(kind: str, root: Root, program: Program) -> None:
    program(f"#!/bin/sh\n{FOREVER[kind]}\n")
    start = time.monotonic()
    with pytest.raises(ProgramFault, match=r"tool: did not end within 0\.5 s, stopped") as error:
        run(root, "tool", seconds=0.5)
    assert 0.5 <= time.monotonic() - start < 10
    assert error.value.path == "tool"
    pids = [int(pid) for pid in root.read_text("pids").split()]
    assert pids
    assert wait_until(lambda: not any(is_running(pid) for pid in pids))


@pytest.mark.parametrize("end", ["exit 0", "sleep 600"])
def test_what_left_the_group_does_not_hold_the_caller_up(end: str, root: Root, program: Program) -> None:
    """A daemon in a session of its own keeps the pipes open, and cannot be found; it must not be waited for."""
    program(f"#!/bin/sh\nsetsid sh -c 'echo $$ >pid; exec sleep 600' & \nwhile [ ! -s pid ]; do :; done\n{end}\n")
    start = time.monotonic()
    try:
        if end == "exit 0":
            assert run(root, "tool", seconds=60).status == 0
        else:
            with pytest.raises(ProgramFault, match="did not end within"):
                run(root, "tool", seconds=1)
        assert time.monotonic() - start < 30
    finally:
        os.kill(int(root.read_text("pid")), 9)


def test_a_service_that_was_started_keeps_running(root: Root, program: Program) -> None:
    """`systemctl start` ends while what it started goes on, with the pipes still open."""
    program("#!/bin/sh\nsleep 600 &\necho $! >pid\necho started\n")
    assert run(root, "tool", seconds=60).stdout == "started\n"
    pid = int(root.read_text("pid"))
    assert is_running(pid)
    os.kill(pid, 9)


INTERRUPTED = """
import signal, sys
from pathlib import Path
from hal.root import Root

def interrupt(number, frame):
    started = Path(sys.argv[1], "pid").exists()
    while frame is not None and started:
        if frame.f_code.co_name == "_output":
            raise KeyboardInterrupt
        frame = frame.f_back

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
Root(sys.argv[1]).run(["tool"], timeout_seconds=600)
"""


def test_an_interrupted_caller_leaves_nothing_running(root: Root, program: Program) -> None:
    program("#!/bin/sh\necho $$ >new\nmv new pid\nexec sleep 600\n")
    command = [sys.executable, "-c", INTERRUPTED, root.directory]
    caller = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert caller.stderr.splitlines()[-1] == "KeyboardInterrupt"
    assert wait_until(lambda: not is_running(int(root.read_text("pid"))))


def test_no_zombie_and_no_open_pipe_is_left(root: Root, program: Program) -> None:
    program("#!/bin/sh\nexec sleep 600\n", "bin/slow")
    program("#!/bin/sh\nexit 1\n")
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted by the kernel
    for _ in range(3):
        with pytest.raises(ProgramFault):
            run(root, "slow", seconds=0.05)
        with pytest.raises(ProgramFault):
            run(root, "tool")
        with pytest.raises(ProgramFault):
            run(root, "none")
    assert len(set(os.listdir("/proc/self/fd"))) <= len(before)  # noqa: PTH208
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_fault_of_a_program_is_no_fault_of_a_file() -> None:
    assert not issubclass(ProgramFault, FileFault)
    assert (ProgramFault.code, ProgramFault.exit_status) == ("program", 1)
