"""A watch: each presence is told once, and nothing but `stop` ends it. Events come from a bell that the test rings."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from backends.usb.sysfs import BUS, configuration, device, interface, plug, unplug

from hal.backends.usb.present import present
from hal.errors import HalError
from hal.peripherals import hotplug
from hal.peripherals.events import Heard
from hal.peripherals.hotplug import Watch
from hal.peripherals.view import Difference
from hal.root import Root

MODEM = device(0x12D1, 0x1506, configuration(1, interface(0, (0xFF, 3, 0x12))))
PATIENCE = 20.0


class Bell:
    """A source of events. `fault` is what reading it raises."""

    def __init__(self) -> None:
        self.here, self.there = socket.socketpair()
        self.here.setblocking(False)
        self.waiting: deque[tuple[Heard, Callable[[], None] | None]] = deque()
        self.fault: HalError | None = None
        self.drained = 0
        self.closed = False

    def __str__(self) -> str:
        return "a bell"

    def fileno(self) -> int:
        return self.here.fileno()

    def ring(
        self,
        *places: str,
        count: int = 1,
        everything: bool = False,
        overflows: int = 0,
        lost: int = 0,
        after: Callable[[], None] | None = None,
    ) -> None:
        """What is done `after`, is done where the watch hears it: no look falls into it."""
        heard = Heard(
            count=count,
            places=frozenset(places),
            everything=everything or overflows > 0,
            overflows=overflows,
            lost=lost,
        )
        self.waiting.append((heard, after))
        self.there.send(b"!")

    def drain(self) -> Heard:
        self.drained += 1
        if self.fault is not None:
            raise self.fault
        with suppress(BlockingIOError):
            self.here.recv(1)
        if not self.waiting:
            return Heard()
        heard, after = self.waiting.popleft()
        if after is not None:
            after()
        return heard

    def close(self) -> None:
        self.closed = True
        self.here.close()
        self.there.close()


class Scene:
    """A tree, a watch of it, and everything that it told; `bells` are the sources it has opened."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self.bells: list[Bell] = []
        self.told: list[Difference] = []
        self.log: list[str] = []
        self.watch = Watch(root, self.tell, listen=self.listen, log=self.log.append)

    @property
    def bell(self) -> Bell:
        return self.bells[-1]

    def listen(self) -> Bell:
        self.bells.append(Bell())
        return self.bell

    def tell(self, difference: Difference) -> None:
        self.told.append(difference)

    @property
    def story(self) -> list[str]:
        """What was told, as in `+1-1/5` and `-1-1/5`."""
        return [
            f"{sign}{each.name}/{each.number}"
            for difference in self.told
            for sign, some in (
                ("-", difference.vanished),
                ("+", difference.appeared),
                ("~", [after for _, after in difference.changed]),
            )
            for each in some
        ]

    def plug(self, name: str, number: int = 5) -> None:
        plug(self.root.directory, name, MODEM, number=number)

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, f"{self.story} {self.watch.state} {self.log}"
            time.sleep(0.005)

    def up_to_date(self) -> bool:
        return tuple(self.watch.present.values()) == present(self.root)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(Root(tmp_path))
    yield scene
    scene.watch.stop()


def test_what_is_there_at_first_is_told_as_appeared(scene: Scene) -> None:
    scene.plug("1-1")
    scene.watch.start()
    assert list(scene.watch.present) == ["1-1"]
    scene.until(lambda: scene.story == ["+1-1/5"])


def test_it_listens_before_it_looks(scene: Scene) -> None:
    listen = scene.listen

    def slow() -> Bell:
        bell = listen()
        scene.plug("1-2")
        return bell

    scene.watch = Watch(scene.root, scene.tell, listen=slow)
    scene.watch.start()
    assert list(scene.watch.present) == ["1-2"]


def test_each_presence_is_told_once(scene: Scene) -> None:
    with scene.watch:
        scene.plug("1-1", 5)
        scene.bell.ring("1-1", count=7)
        scene.until(lambda: scene.story == ["+1-1/5"])
        for _ in range(20):
            scene.bell.ring("1-1")

        def another() -> None:
            unplug(scene.root.directory, "1-1")
            scene.plug("1-1", 6)

        scene.bell.ring("1-1", after=another)
        scene.until(lambda: len(scene.story) == 3)
        (scene.root.directory / BUS / "1-1/1-1:1.0/ttyUSB0").mkdir()
        scene.bell.ring("1-1")
        scene.until(lambda: len(scene.story) == 4)
        unplug(scene.root.directory, "1-1")
        scene.bell.ring("1-1")
        scene.until(lambda: len(scene.story) == 5)
    assert scene.story == ["+1-1/5", "-1-1/5", "+1-1/6", "~1-1/6", "-1-1/6"]
    assert scene.watch.state.events == 7 + 20 + 3
    assert scene.watch.state.differences == 4


def test_a_removal_that_is_announced_before_it_is_done_is_seen(scene: Scene) -> None:
    """So does the kernel: the event of a removal is sent, then the folder goes."""
    scene.plug("1-1")
    scene.watch.start()
    looks = scene.watch.state.looks
    scene.bell.ring("1-1")
    scene.until(lambda: scene.watch.state.looks == looks + 1)
    unplug(scene.root.directory, "1-1")
    scene.until(lambda: scene.story == ["+1-1/5", "-1-1/5"])


@pytest.mark.parametrize("error", [ValueError("no such modem"), HalError("no such modem"), KeyError("no such modem")])
def test_a_callback_that_raises_is_reported_and_ends_nothing(scene: Scene, error: Exception) -> None:
    def tell(difference: Difference) -> None:
        scene.tell(difference)
        raise error

    scene.watch = Watch(scene.root, tell, listen=scene.listen, log=scene.log.append)
    with scene.watch:
        for number in range(1, 4):
            scene.plug(f"1-{number}")
            scene.bell.ring(f"1-{number}")
            scene.until(lambda number=number: len(scene.story) == number)  # type: ignore[misc]
    assert scene.story == ["+1-1/5", "+1-2/5", "+1-3/5"], "told again, or not at all"
    assert scene.watch.state.failed_calls == 3
    assert len(scene.log) == 3
    assert all("no such modem" in words for words in scene.log)
    assert scene.watch.state.problems == tuple(scene.log)


def test_an_overflow_is_reported_and_everything_is_looked_at(scene: Scene) -> None:
    scene.plug("1-1")
    scene.watch.start()
    (scene.root.directory / BUS / "1-1/1-1:1.0/ttyUSB0").mkdir()
    scene.bell.ring(overflows=1, lost=4744)
    scene.until(lambda: scene.story == ["+1-1/5", "~1-1/5"])
    state = scene.watch.state
    assert (state.overflows, state.lost) == (1, 4744)
    assert scene.log == ["a bell: a full buffer, 4744 events lost; all devices are read anew"]


# -- sources that fail ---------------------------------------------------------------------------------------------


def hang_up(bell: Bell) -> None:
    bell.there.close()


def break_down(bell: Bell) -> None:
    bell.fault = HalError("a bell: no such device")
    bell.ring("1-1")


def ring_for_nothing(bell: Bell) -> None:
    """Ready to be read for ever, and nothing to read: a loop around it would take a whole CPU."""
    bell.drain = Heard  # type: ignore[method-assign]
    bell.ring("1-1")


@pytest.mark.parametrize("trouble", [hang_up, break_down, ring_for_nothing])
def test_r29_trouble_with_the_source_opens_another_one_and_looks_at_everything(
    scene: Scene, trouble: Callable[[Bell], None]
) -> None:
    scene.plug("1-1")
    scene.watch.start()
    for number in range(2, 5):
        bell, looks = scene.bell, scene.watch.state.looks
        scene.plug(f"1-{number}")
        trouble(bell)
        scene.until(lambda number=number: len(scene.bells) == number)  # type: ignore[misc]
        scene.until(scene.up_to_date)
        scene.until(lambda looks=looks: scene.watch.state.looks > looks)  # type: ignore[misc]
        assert bell.closed
    scene.plug("1-9")
    scene.bell.ring("1-9")
    scene.until(lambda: scene.story == ["+1-1/5", "+1-2/5", "+1-3/5", "+1-4/5", "+1-9/5"])
    assert scene.watch.state.reopened == 3
    assert scene.watch.state.listening == "a bell"


def test_while_no_source_can_be_opened_it_goes_on_looking(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hotplug, "REOPEN_SECONDS", (0.01, 0.1))
    listen, refused = scene.listen, 0

    def refusing() -> Bell:
        nonlocal refused
        if scene.bells and refused < 8:
            refused += 1
            raise HalError("too many open files")
        return listen()

    scene.watch = Watch(scene.root, scene.tell, listen=refusing, log=scene.log.append)
    with scene.watch:
        hang_up(scene.bell)
        scene.until(lambda: refused >= 3)
        scene.plug("1-1")
        scene.until(lambda: scene.story == ["+1-1/5"])
        scene.until(lambda: len(scene.bells) == 2)
        scene.until(lambda: scene.watch.state.listening is not None)
    assert refused == 8
    assert sum("too many open files" in words for words in scene.log) == 8


def test_the_pause_before_it_is_opened_again_grows(scene: Scene) -> None:
    """A source that breaks whenever it is opened costs some tries a second at first, then one in ten seconds."""

    def broken() -> Bell:
        bell = scene.listen()
        hang_up(bell)
        return bell

    scene.watch = Watch(scene.root, scene.tell, listen=broken)
    before = time.process_time()
    with scene.watch:
        time.sleep(2)
    assert 3 <= len(scene.bells) <= 6
    assert time.process_time() - before < 0.5
    assert all(bell.closed for bell in scene.bells)


def test_nothing_to_hear_at_first_is_an_error(scene: Scene) -> None:
    def none() -> Bell:
        raise HalError("no netlink here")

    watch = Watch(scene.root, scene.tell, listen=none)
    for begin in (watch.run, watch.start):
        with pytest.raises(HalError, match="no netlink here"):
            begin()
    assert scene.told == []


def test_sysfs_that_cannot_be_listed_is_reported_and_looked_at_again(scene: Scene) -> None:
    scene.plug("1-1")
    scene.watch.start()
    bus = scene.root.directory / BUS
    bus.rename(bus.with_name("kept"))
    bus.symlink_to("../" * 20)
    scene.bell.ring("1-1")
    scene.until(lambda: bool(scene.log))
    assert list(scene.watch.present) == ["1-1"], "what is not known is not told as gone"
    bus.unlink()
    bus.with_name("kept").rename(bus)
    scene.plug("1-2")
    scene.until(lambda: scene.story == ["+1-1/5", "+1-2/5"])


# -- idle, and the end -----------------------------------------------------------------------------------------------


def test_while_nothing_happens_it_does_nothing(scene: Scene) -> None:
    scene.plug("1-1")
    scene.watch.start()
    scene.bell.ring("1-1")
    time.sleep(1.5)
    drained, looks, before = scene.bell.drained, scene.watch.state.looks, time.process_time()
    time.sleep(2)
    assert time.process_time() - before < 0.05
    assert (scene.bell.drained, scene.watch.state.looks) == (drained, looks)


def test_run_watches_in_the_callers_thread_until_the_callback_stops_it(scene: Scene) -> None:
    scene.plug("1-1")
    threads = []

    def tell(difference: Difference) -> None:
        threads.append(threading.current_thread())
        scene.watch.stop()

    scene.watch = Watch(scene.root, tell, listen=scene.listen)
    scene.watch.run()
    assert threads == [threading.current_thread()]
    assert scene.bell.closed


def test_the_callback_may_stop_a_thread(scene: Scene) -> None:
    scene.plug("1-1")
    scene.watch = Watch(scene.root, lambda difference: scene.watch.stop(), listen=scene.listen)
    scene.watch.start()
    scene.until(lambda: scene.bell.closed)
    scene.watch.stop()


def test_stop_is_prompt_and_may_be_repeated(scene: Scene) -> None:
    scene.watch.stop()
    other = Scene(scene.root)
    other.watch.start()
    time.sleep(0.1)
    began = time.monotonic()
    other.watch.stop()
    other.watch.stop()
    assert time.monotonic() - began < hotplug.STOP_SECONDS
    assert other.bell.closed
    with pytest.raises(HalError, match="started before"):
        other.watch.start()


def test_a_callback_that_does_not_return_is_told_by_stop(scene: Scene) -> None:
    scene.plug("1-1")
    released = threading.Event()
    scene.watch = Watch(scene.root, lambda difference: released.wait(PATIENCE) and None, listen=scene.listen)
    scene.watch.start()
    with pytest.raises(HalError, match=r"has not ended within 0\.2 s"):
        scene.watch.stop(timeout_seconds=0.2)
    released.set()


def test_no_descriptor_is_left_open(scene: Scene) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = descriptors()
    for _ in range(5):
        other = Scene(scene.root)
        other.watch.start()
        hang_up(other.bell)
        other.until(lambda other=other: len(other.bells) == 2)  # type: ignore[misc]
        other.watch.stop()
    assert descriptors() == before
