"""Bringing a modem into service: what is sent, what is waited for, and what is told when it does not work."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import evolve
from peripherals.modem import sticks
from peripherals.modem.bench import STORAGE, Bench, stick

from hal.errors import HalError, NotApplied, ValueRefused
from hal.model import ModemMode, ModemState, Outcome
from hal.peripherals.modem.entry import read_entry
from hal.peripherals.modem.known import Known, KnownModel
from hal.peripherals.modem.messages import HUAWEI_NEW

M = ModemMode


# -- a stick in storage mode -------------------------------------------------------------------------------------------


def test_a_stick_is_switched_by_one_message_and_its_ports_are_named(bench: Bench) -> None:
    found = stick(bench).job.bring_up("1-1")
    assert (found.outcome, found.before, found.modem.device.identity) == (Outcome.APPLIED, "12d1:14fe", "12d1:1506")
    assert found.modem.at is not None
    assert (found.modem.at.tty, found.modem.mode, found.notes) == ("ttyUSB1", M.NCM, ())
    assert bench.sent == [
        "open 12d1:14fe", "detach", "claim 0", f"01<{HUAWEI_NEW}", "clear 81", "clear 01", "close",
    ]  # fmt: skip
    assert list(dict.fromkeys(bench.phases)) == ["deciding", "switching", "waiting", "ready"]


def test_a_second_run_does_nothing(bench: Bench) -> None:
    stick(bench).job.bring_up("1-1")
    before, seconds = list(bench.sent), bench.seconds
    again = bench.job.bring_up("1-1")
    assert (again.outcome, bench.sent, bench.seconds) == (Outcome.UNCHANGED, before, seconds)


def test_one_that_stays_in_service_gets_no_byte(bench: Bench) -> None:
    bench.plug(sticks.HILINK)
    found = bench.job.bring_up("1-1")
    assert (found.outcome, found.reason, bench.sent, bench.said) == (
        Outcome.UNCHANGED, "it is in service (ecm), and no mode is preferred", [], [],
    )  # fmt: skip


@pytest.mark.parametrize("descriptors", sticks.OTHERS.values(), ids=sticks.OTHERS)
def test_what_is_no_modem_gets_no_byte(bench: Bench, descriptors: bytes) -> None:
    """R27, R28: a security key that is spoilt by bytes, a board that resets when its port is opened."""
    bench.plug(descriptors)
    with pytest.raises(ValueRefused, match="no modem that is known"):
        bench.job.bring_up("1-1")
    assert (bench.sent, bench.said) == ([], [])


def test_an_empty_place_is_told(bench: Bench) -> None:
    with pytest.raises(ValueRefused, match="1-9: no USB device is there"):
        bench.job.bring_up("1-9")


def test_a_device_that_goes_before_it_answers_is_no_failure(bench: Bench) -> None:
    bench.status = b"gone"
    assert stick(bench).job.bring_up("1-1").outcome is Outcome.APPLIED


def test_ids_that_no_table_has_are_a_success_where_the_ports_are_known(bench: Bench) -> None:
    new = sticks.functions(0x12D1, 0x1F99, (0xFF, 3, 0x10), (0xFF, 3, 0x12))
    found = stick(bench, new).job.bring_up("1-1")
    assert found.modem.at is not None
    assert (found.modem.at.tty, found.modem.mode) == ("ttyUSB1", M.SERIAL)
    assert found.notes == ("it came back as 12d1:1f99, which is not in the table of MS2131i-8 or MS2372 or E173s",)


def test_drivers_may_come_later(bench: Bench) -> None:
    bench.plug(STORAGE)

    def slow() -> None:
        bench.becomes(sticks.HUAWEI_A, nodes=False)
        bench.after(4, bench.unplug)
        bench.after(4, lambda: (setattr(bench, "_number", bench._number - 1), bench.plug(sticks.HUAWEI_A))[1])

    bench.takes[HUAWEI_NEW] = slow
    found = bench.job.bring_up("1-1")
    assert found.modem.complete
    assert 4 <= found.seconds < 5


def test_what_no_driver_takes_is_waited_for_in_bounds_and_told(bench: Bench) -> None:
    stick(bench).takes[HUAWEI_NEW] = lambda: bench.becomes(sticks.HUAWEI_B, nodes=False)
    found = bench.job.bring_up("1-1")
    assert found.seconds < 20
    assert found.notes == (
        "interface 0 (at) has no device node: no driver took it (option or qcserial or cdc_acm)",
        "interface 1 (network) has no network interface: no driver took it (huawei_cdc_ncm or cdc_ncm)",
    )


def test_what_the_kernel_cannot_drive_is_not_waited_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, drivers=frozenset())
    stick(bench).takes[HUAWEI_NEW] = lambda: bench.becomes(sticks.HUAWEI_B, nodes=False)
    assert bench.job.bring_up("1-1").seconds < 3


def pulled(bench: Bench) -> None:
    bench.becomes(sticks.HUAWEI_A, nodes=False)
    bench.after(3, bench.unplug)


FAILURES: dict[str, tuple[Callable[[Bench], None], str]] = {
    "the message is ignored": (lambda bench: None, "still there after 30 s; 1 message to endpoint 0x01: accepted"),
    "it never comes back": (
        lambda bench: bench.after(1, bench.unplug), "left, and did not come back within 30 s; 1 message",
    ),
    "it comes back in storage": (lambda bench: bench.becomes(STORAGE), "came back in storage mode; 1 message"),
    "it comes back as nothing": (
        lambda bench: bench.becomes(sticks.functions(0x12D1, 0x1F98, (3, 0, 0))),
        "came back with no port or network that is known",
    ),
    "it comes back without a configuration": (
        lambda bench: bench.becomes(sticks.HUAWEI_A, chosen=None), "came back without a configuration",
    ),
    "it is pulled out while drivers are bound": (pulled, "pulled out while its drivers were bound"),
}  # fmt: skip


@pytest.mark.parametrize(("happens", "words"), FAILURES.values(), ids=FAILURES)
def test_a_failure_says_what_was_done_and_seen(bench: Bench, happens: Callable[[Bench], None], words: str) -> None:
    bench.plug(STORAGE)
    bench.takes[HUAWEI_NEW] = lambda: happens(bench)
    with pytest.raises(NotApplied, match=re.escape(words)) as caught:
        bench.job.bring_up("1-1")
    assert str(caught.value).startswith("1-1 (")
    assert bench.seconds < 70
    assert bench.phases[-1] == "failed"
    told = json.loads((bench.root.directory / "run/hal/modems/1-1.json").read_text())
    assert (told["phase"], told["failures"], told["words"]) == ("failed", 1, caught.value.message)


def test_unplugged_at_each_moment_nothing_is_stuck_and_the_next_one_works(tmp_path: Path) -> None:
    for moment in range(0, 40, 2):
        bench = Bench(tmp_path / str(moment))
        stick(bench).after(moment / 10 + 0.01, bench.unplug)
        with suppress(HalError):
            bench.job.bring_up("1-1")
        bench.sleep(200)
        bench.unplug()
        stick(bench)
        assert bench.job.bring_up("1-1").outcome is Outcome.APPLIED, moment


def test_a_stick_that_always_comes_back_unswitched_ends_in_an_error_not_in_a_loop(bench: Bench) -> None:
    bench.plug(STORAGE)
    bench.takes[HUAWEI_NEW] = lambda: bench.becomes(STORAGE)
    for _ in range(5):
        with pytest.raises(NotApplied):
            bench.job.bring_up("1-1")
    assert sum(line.endswith(HUAWEI_NEW) for line in bench.sent) == 2
    with pytest.raises(NotApplied, match=r"2 attempts failed, the last one so: 1-1 .* came back in storage mode"):
        bench.job.bring_up("1-1")
    with pytest.raises(NotApplied, match="came back in storage"):
        bench.job.bring_up("1-1", again=True)
    bench.sleep(150)
    stick(bench)
    assert bench.job.bring_up("1-1").outcome is Outcome.APPLIED


def test_a_record_of_another_boot_or_a_damaged_one_counts_for_nothing(bench: Bench) -> None:
    place = bench.root.directory / "run/hal/modems/1-1.json"
    place.parent.mkdir(parents=True)
    for content in (
        '{"boot": "boot-0", "failures": 9, "at_seconds": 0, "phase": "", "words": ""}',
        "{",
        "[]",
        "{}",
        "",
    ):
        bench.unplug()
        place.write_text(content)
        assert stick(bench).job.bring_up("1-1").outcome is Outcome.APPLIED


def test_two_alike_are_told_apart_by_their_places(tmp_path: Path) -> None:
    one, two = Bench(tmp_path), Bench(tmp_path / "other")
    two.place = "1-2"
    two.root, two.job.tools = one.root, one.job.tools
    stick(one)
    two.plug(STORAGE)
    assert one.job.bring_up("1-1").modem.device.name == "1-1"
    assert one.sent.count("open 12d1:14fe") == 1


# -- who else acts -----------------------------------------------------------------------------------------------------

RULES = "lib/udev/rules.d/40-usb_modeswitch.rules"


def ruled(bench: Bench, text: str | None = None) -> Bench:
    place = bench.root.directory / RULES
    place.parent.mkdir(parents=True)
    real = Path("/", RULES)
    place.write_text(real.read_text() if text is None else text)
    return bench


def test_a_stick_that_usb_modeswitch_switches_is_left_to_it_and_checked(bench: Bench) -> None:
    ruled(bench).plug(STORAGE)
    bench.becomes(sticks.HUAWEI_B, gone_after=2)
    found = bench.job.bring_up("1-1")
    assert (found.outcome, found.done, bench.sent) == (
        Outcome.APPLIED,
        ("usb_modeswitch was waited for; `hal modem switch --take-over` switches without it",),
        [],
    )


def test_it_is_switched_here_where_that_is_masked_disabled_or_asked_for(tmp_path: Path) -> None:
    for number, mask in enumerate(("etc/udev/rules.d/40-usb_modeswitch.rules", "etc/usb_modeswitch.conf", "take over")):
        bench = ruled(stick(Bench(tmp_path / str(number))))
        if mask != "take over":
            place = bench.root.directory / mask
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text("DisableSwitching=1\n" if mask.endswith("conf") else "")
        assert bench.job.bring_up("1-1", take_over=mask == "take over").outcome is Outcome.APPLIED
        assert f"01<{HUAWEI_NEW}" in bench.sent


def test_a_configuration_that_usb_modeswitch_would_undo_is_not_chosen(bench: Bench) -> None:
    ruled(bench).plug(sticks.ME909S, 3)
    found = bench.job.bring_up("1-1")
    assert found.outcome is Outcome.UNCHANGED
    assert found.reason.startswith("it stays as it is: usb_modeswitch acts on it too")
    assert found.modem.state is ModemState.SERVICE


def test_interfaces_that_are_listed_late_are_waited_for(bench: Bench) -> None:
    stick(bench)
    folder = bench.root.directory / "sys/devices/platform/soc/usb1/1-1/1-1:1.0"
    folder.rename(folder.with_name("later"))
    bench.after(0.3, lambda: folder.with_name("later").rename(folder))
    assert bench.job.bring_up("1-1").outcome is Outcome.APPLIED


def test_a_port_that_is_made_late_is_waited_for_before_it_is_asked(bench: Bench) -> None:
    bench.plug(sticks.TOBY_RNDIS, nodes=False)
    bench.after(2, bench.unplug)
    bench.after(2, lambda: (setattr(bench, "_number", bench._number - 1), bench.plug(sticks.TOBY_RNDIS))[1])
    bench.takes["+CFUN=1,1"] = lambda: bench.becomes(sticks.TOBY_ECM)
    bench.answers["+UUSBCONF?"] = '+UUSBCONF: 2,"ECM",,"0x1143"'
    assert bench.job.bring_up("1-1").modem.mode is M.ECM


def test_a_default_that_cannot_be_reached_leaves_the_modem_as_it_is(bench: Bench) -> None:
    """ModemManager has the only port: what nobody asked for is no failure, what somebody asked for is."""
    bench.plug(sticks.TOBY_RNDIS)

    def owned(modem: object) -> str:
        raise NotApplied("ModemManager has ttyUSB2")

    bench.job.tools = evolve(bench.job.tools, port=owned)
    found = bench.job.bring_up("1-1")
    assert (found.outcome, found.reason) == (Outcome.UNCHANGED, "ModemManager has ttyUSB2")
    with pytest.raises(NotApplied, match="ModemManager has ttyUSB2"):
        bench.job.bring_up("1-1", (M.ECM,))


def test_a_device_that_switches_by_itself_is_waited_for(bench: Bench) -> None:
    entry = '# Pantech\nTargetProductList="6064"\nPantechMode=1\n'
    model = read_entry("10a9:606f", entry.encode(), "entry")
    bench.job.known = Known((KnownModel(model=model, origin="entry", rank=0),))
    bench.plug(sticks.storage(0x10A9, 0x606F))
    bench.becomes(sticks.functions(0x10A9, 0x6064, (2, 6, 0), (0x0A, 0, 0)), gone_after=2)
    found = bench.job.bring_up("1-1")
    assert (found.outcome, found.modem.mode) == (Outcome.APPLIED, M.ECM)


@pytest.mark.parametrize("moment", [0.0, 0.5, 1.0])
def test_a_job_that_is_to_end_ends_at_its_next_wait_and_holds_nothing(bench: Bench, moment: float) -> None:
    stick(bench)
    bench.job.stopped = lambda: bench.seconds >= moment
    with pytest.raises(NotApplied, match="stopped on request"):
        bench.job.bring_up("1-1")
    assert bench.seconds <= moment + 0.1
    assert bench.sent.count("open 12d1:14fe") == bench.sent.count("close") == (moment > 0)


def test_an_identity_that_only_the_switch_names_is_expected(bench: Bench) -> None:
    """12d1:150f is a target of the switch from 12d1:14fe, though no row has it as its own."""
    found = stick(bench, sticks.functions(0x12D1, 0x150F, (0xFF, 3, 0x12))).job.bring_up("1-1")
    assert (found.modem.device.identity, found.notes) == ("12d1:150f", ())
