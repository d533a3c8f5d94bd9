"""A storm of real netlink messages while devices of a tree come and go; prints what a watch made of it, as JSON.

Run by test_storm.py in namespaces of its own. The devices change, and their messages are sent, in another process: as
fast as it can, so that for some ten messages read many more arrive.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from backends.usb.sysfs import BUS, HUB, configuration, device, interface, plug
from peripherals.uevents import UDEV, USB, Sender, udev_message

from hal.backends.usb.present import present
from hal.peripherals.hotplug import Watch
from hal.peripherals.udev import BUFFER_BYTES, UdevEvents
from hal.peripherals.view import Difference
from hal.root import Root

EVENTS = 20_000
DEVICES = 8
BETWEEN = 100
"""After so many messages one device vanishes or comes back."""
MODEM = device(0x12D1, 0x1506, configuration(1, *(interface(number, (0xFF, 3, 0x12)) for number in range(3))))
SMALL_BUFFER = 4096


class Presences:
    """Hears differences as a user of the watch would, and objects where a presence is told twice or out of order."""

    def __init__(self) -> None:
        self.here: dict[str, tuple[str, int, int, int]] = {}
        self.handled: set[tuple[str, int, int, int]] = set()
        self.faults: list[str] = []

    def told(self, difference: Difference) -> None:
        for gone in difference.vanished:
            if self.here.pop(gone.name, None) != gone.presence:
                self.faults.append(f"{gone.presence} vanished without having been there")
        for new in difference.appeared:
            if new.presence in self.handled or new.name in self.here:
                self.faults.append(f"{new.presence} appeared twice")
            self.handled.add(new.presence)
            self.here[new.name] = new.presence


def places() -> list[str]:
    return [f"1-{number}" for number in range(1, DEVICES + 1)]


def burst(directory: Path, numbers: count[int], told: int) -> None:
    """In a child: send all messages, each device's among them, and tell how long sending took and when it ended."""
    sender, names = Sender(UDEV), places()
    folders = {name: directory / HUB / name for name in names}
    links = {name: directory / BUS / name for name in names}
    messages = [udev_message(number + 1, f"{USB}/{names[number // BETWEEN % DEVICES]}") for number in range(EVENTS)]
    sending = 0.0
    for at in range(0, EVENTS, BETWEEN):
        name = names[at // BETWEEN % DEVICES]
        if links[name].is_symlink():
            links[name].unlink()
        else:
            (folders[name] / "devnum").write_text(f"{next(numbers)}\n")
            links[name].symlink_to(f"../../../../{HUB}/{name}")
        began = time.perf_counter()
        for message in messages[at : at + BETWEEN]:
            sender.send(message)
        sending += time.perf_counter() - began
    os.write(told, json.dumps([sending, time.monotonic(), next(numbers)]).encode())


def waited(thread: threading.Thread) -> float:
    """Seconds that a thread was ready and another one had the CPU."""
    return int(Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()[1]) / 1e9


def one_run(root: Root, watch: Watch, first: int, patience: float) -> dict[str, float]:
    """A burst; how late the view was equal to sysfs, and how much of that the watch had to wait for a CPU."""
    thread = next(each for each in threading.enumerate() if each.name == "hal-usb-watch")
    before = waited(thread)
    here, there = os.pipe()
    child = os.fork()
    if not child:
        burst(root.directory, count(first), there)
        os._exit(0)
    sending, ended, following = json.loads(os.read(here, 200))
    os.waitpid(child, 0)
    os.close(here)
    os.close(there)
    wanted = present(root)
    while tuple(watch.present.values()) != wanted:
        if time.monotonic() - ended > patience:
            break
        time.sleep(0.002)
    equal = tuple(watch.present.values()) == wanted
    late = time.monotonic() - ended
    return {"late": late, "waited": waited(thread) - before, "sending": sending, "equal": equal, "next": following}


def most_memory() -> int:
    """The most KiB that this process has had at a time. `getrusage` tells those of its parent."""
    words = Path("/proc/self/status").read_text().split()
    return int(words[words.index("VmHWM:") + 1])


def settled(watch: Watch) -> None:
    """Wait until the watch has nothing more to look at."""
    for _ in range(15):
        looks = watch.state.looks
        time.sleep(2)
        if watch.state.looks == looks:
            break


def storm(runs: int, buffer_bytes: int) -> dict[str, object]:
    with TemporaryDirectory() as folder:
        root = Root(folder)
        for number, name in enumerate(places(), 2):
            plug(root.directory, name, MODEM, number=number)
        presences = Presences()
        watch = Watch(root, presences.told, listen=lambda: UdevEvents(root, buffer_bytes=buffer_bytes, udev=True))
        watch.start()
        memory = most_memory()
        one_run(root, watch, 1000, 30)
        found, following = [], 100_000
        for _ in range(runs):
            found.append(one_run(root, watch, following, 10))
            following = int(found[-1]["next"])
        grown = most_memory() - memory
        settled(watch)
        idle, looks = time.process_time(), watch.state.looks
        time.sleep(2)
        idle = time.process_time() - idle
        state = watch.state
        watch.stop()
        return {
            "runs": found,
            "sent": EVENTS * (runs + 1),
            "events": state.events,
            "lost": state.lost,
            "overflows": state.overflows,
            "looks": state.looks,
            "problems": len(state.problems),
            "listening": state.listening,
            "idle_cpu_seconds": idle,
            "idle_looks": state.looks - looks,
            "grown_kib": grown,
            "faults": presences.faults,
            "handled": len(presences.handled),
            "here": sorted(presences.here.values()) == sorted(each.presence for each in present(root)),
        }


def soak(seconds: float, rate: int) -> dict[str, object]:
    """A stream that does not pause: what it costs, and how late the view is while it lasts."""
    with TemporaryDirectory() as folder:
        root = Root(folder)
        for number, name in enumerate(places(), 2):
            plug(root.directory, name, MODEM, number=number)
        presences = Presences()
        watch = Watch(root, presences.told, listen=lambda: UdevEvents(root, udev=True))
        watch.start()
        child = os.fork()
        if not child:
            sender, began = Sender(UDEV), time.monotonic()
            messages = [udev_message(number + 1, f"{USB}/{name}") for number, name in enumerate(places())]
            for number in range(int(seconds * rate)):
                sender.send(messages[number % DEVICES])
                if number % (rate // 100) == 0:
                    time.sleep(max(0.0, began + number / rate - time.monotonic()))
            os._exit(0)
        memory = most_memory()
        thread = next(each for each in threading.enumerate() if each.name == "hal-usb-watch")
        cpu, began = time.process_time(), time.monotonic()
        link, numbers = root.directory / BUS / "1-3", count(1000)
        lates: list[float] = []
        while time.monotonic() - began < seconds - 1.5:
            link.unlink()
            lates.append(_late(watch, thread, lambda: "1-3" not in watch.present))
            (root.directory / HUB / "1-3/devnum").write_text(f"{next(numbers)}\n")
            link.symlink_to(f"../../../../{HUB}/1-3")
            lates.append(_late(watch, thread, lambda: "1-3" in watch.present))
        cpu, elapsed = time.process_time() - cpu, time.monotonic() - began
        os.waitpid(child, 0)
        watch.stop()
        return {
            "latest": max(lates),
            "changes": len(lates),
            "cpu_share": cpu / elapsed,
            "events": watch.state.events,
            "sent": int(seconds * rate),
            "lost": watch.state.lost,
            "grown_kib": most_memory() - memory,
            "faults": presences.faults,
        }


def _late(watch: Watch, thread: threading.Thread, seen: Callable[[], bool]) -> float:
    """Seconds until the view shows it, but for those that the watch waited for a CPU."""
    began, before = time.monotonic(), waited(thread)
    while not seen() and time.monotonic() - began < 10:
        time.sleep(0.005)
    return time.monotonic() - began - (waited(thread) - before)


def observer() -> dict[str, object]:
    """What pyudev's own observer makes of such a storm in a small buffer, when each event is a millisecond of work."""
    from pyudev import Context, Monitor, MonitorObserver

    heard = count()
    monitor = Monitor.from_netlink(Context(), source="udev")
    monitor.start()
    monitor.set_receive_buffer_size(SMALL_BUFFER)
    errors: list[str] = []
    threading.excepthook = lambda args: errors.append(str(args.exc_value))

    def work(device: object) -> None:
        next(heard)
        time.sleep(0.001)

    watching = MonitorObserver(monitor, callback=work)
    watching.start()
    messages = [udev_message(number + 1, f"{USB}/1-1") for number in range(EVENTS)]
    child = os.fork()
    if not child:
        sender = Sender(UDEV)
        for message in messages:
            sender.send(message)
        os._exit(0)
    os.waitpid(child, 0)
    watching.join(2)
    return {"alive": watching.is_alive(), "heard": next(heard), "errors": errors}


if __name__ == "__main__":
    what = sys.argv[1]
    if what == "observer":
        print(json.dumps(observer()))
    elif what == "soak":
        print(json.dumps(soak(float(sys.argv[2]), 1000)))
    else:
        print(json.dumps(storm(int(sys.argv[2]), SMALL_BUFFER if what == "overflow" else BUFFER_BYTES)))
