"""Brings every modem into service that appears, each in a thread of its own: a slow one keeps nobody waiting."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock, Thread

from hal.errors import HalError
from hal.model import UsbDevice
from hal.peripherals.modem.job import Brought, Job
from hal.peripherals.modem.match import recognise
from hal.peripherals.view import Difference

Report = Callable[[str, Brought | HalError], None]
"""Told what became of the modem at a place. Called from several threads, one at a time."""


class Tending:
    """What a `hal.peripherals.hotplug.Watch` calls with each difference.

    A presence is handled once. While a job is at work at a place, what appears there is its own doing: a stick goes and
    comes back as something else.
    """

    def __init__(self, job_for: Callable[[str], Job], report: Report) -> None:
        self._job_for, self._report = job_for, report
        self._at_work: dict[str, Thread] = {}
        self._missed: set[str] = set()
        self._lock = Lock()

    def __call__(self, difference: Difference) -> None:
        """Start a job for each modem that has appeared, and for one that has now got a configuration."""
        late = (after for before, after in difference.changed if not before.ready or (after.scsi and not before.scsi))
        for device in (*difference.appeared, *late):
            self._start(device)

    def wait(self, seconds: float) -> bool:
        """Wait for the jobs at work; whether all have ended."""
        with self._lock:
            threads = tuple(self._at_work.values())
        deadline = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _start(self, device: UsbDevice) -> None:
        if not device.ready:
            return
        job = self._job_for(device.name)
        if recognise(device, job.known) is None:
            return
        with self._lock:
            if device.name in self._at_work:
                self._missed.add(device.name)
                return
            self._missed.discard(device.name)
            thread = Thread(target=self._run, args=(device.name, job), name=f"modem {device.name}", daemon=True)
            self._at_work[device.name] = thread
        thread.start()

    def _run(self, place: str, job: Job) -> None:
        """One job; one more where it failed and something appeared meanwhile. A job counts its attempts itself."""
        result: Brought | HalError
        again = True
        while again:
            try:
                result = job.bring_up(place)
            except HalError as error:
                result = error
            except Exception as error:  # noqa: BLE001 - a defect at one place must not end the tending of it
                result = HalError(f"{place}: {type(error).__name__}: {error}; a defect of this program, report it")
            with self._lock:
                again = isinstance(result, HalError) and place in self._missed and not job.stopped()
                self._missed.discard(place)
                if not again:
                    del self._at_work[place]
                self._report(place, result)
