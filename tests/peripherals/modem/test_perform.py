"""Each kind of step: what is sent, read back, sent once more, and told when it does not take."""

from __future__ import annotations

import pytest
from attrs import evolve
from peripherals.modem import sticks
from peripherals.modem.bench import REFUSED, STORAGE, Bench

from hal.errors import AtFault, FileFault, NotApplied
from hal.model import AtFaultKind, ModemMode, Outcome
from hal.peripherals.modem.known import know
from hal.peripherals.modem.messages import EJECT, HUAWEI_NEW
from hal.peripherals.modem.wire import Vanished
from hal.root import Root

M = ModemMode


@pytest.mark.parametrize(
    ("status", "words"),
    [(REFUSED, "refused with status 1"), (b"", "no answer"), (b"stall", "stalled twice"), (b"xx", "answer 7878")],
)
def test_a_refusal_is_told(bench: Bench, status: bytes, words: str) -> None:
    bench.plug(STORAGE)
    bench.status = status
    with pytest.raises(NotApplied, match=words):
        bench.job.bring_up("1-1")


def test_an_eject_is_four_commands(bench: Bench) -> None:
    place = bench.root.directory / "mnt/boot/modems.d/own.toml"
    place.parent.mkdir(parents=True)
    place.write_text(
        '[[model]]\nname="own"\nmaker="own"\n[[model.identities]]\nids="1234:0001"\nstate="storage"\n'
        'switch={steps=[{eject=true}], target_class="ff"}\n'
    )

    bench.job.known = know(bench.root, {})
    bench.plug(sticks.storage(0x1234, 1))
    bench.takes[EJECT[1]] = lambda: bench.becomes(sticks.functions(0x1234, 1, (0xFF, 0, 0)))
    with pytest.raises(NotApplied, match="came back with no port or network that is known"):
        bench.job.bring_up("1-1")
    assert [line for line in bench.sent if "<" in line] == [f"01<{message}" for message in EJECT]


def chooses(bench: Bench, descriptors: bytes) -> None:
    """The kernel sets up another configuration as soon as its value is written."""
    name = bench.root.directory / "sys/bus/usb/devices/1-1/bConfigurationValue"
    value = int(name.read_text())
    number = bench._number
    bench.unplug()
    bench._number = number - 1
    bench.plug(descriptors, value)


def test_a_configuration_is_chosen_through_sysfs(bench: Bench) -> None:
    bench.plug(sticks.ME909S, 3)
    bench.after(0.05, lambda: chooses(bench, sticks.ME909S))
    found = bench.job.bring_up("1-1")
    assert (found.outcome, found.modem.device.configuration, found.modem.mode) == (Outcome.APPLIED, 2, M.ECM)
    assert found.modem.at is not None
    assert found.modem.at.tty == "ttyUSB4"
    assert bench.sent == []
    again = bench.job.bring_up("1-1")
    assert (again.outcome, again.reason) == (Outcome.UNCHANGED, "it is in the preferred mode ecm")


def test_a_mode_is_set_by_at_command_and_read_back(bench: Bench) -> None:
    bench.plug(sticks.EC20_QMI)
    bench.answers['+QCFG="usbnet"'] = '+QCFG: "usbnet",0'
    bench.takes['+QCFG="usbnet",1'] = lambda: bench.answers.update({'+QCFG="usbnet"': '+QCFG: "usbnet",1'})
    bench.takes["+CFUN=1,1"] = lambda: bench.becomes(sticks.EC20_ECM, back_after=10)
    found = bench.job.bring_up("1-1", (M.ECM,))
    assert (found.outcome, found.modem.mode) == (Outcome.APPLIED, M.ECM)
    assert [line.partition(" ")[2] for line in bench.said] == [
        '+QCFG="usbnet"', '+QCFG="usbnet",1', '+QCFG="usbnet"', "+CFUN=1,1",
    ]  # fmt: skip
    assert {line.partition(" ")[0] for line in bench.said} == {"ttyUSB2"}
    assert bench.job.bring_up("1-1", (M.ECM,)).outcome is Outcome.UNCHANGED


def test_a_setting_that_is_stored_and_not_in_force_is_not_written_again(bench: Bench) -> None:
    bench.plug(sticks.EC20_QMI)
    bench.answers['+QCFG="usbnet"'] = '+QCFG: "usbnet",1'
    bench.takes["+CFUN=1,1"] = lambda: bench.becomes(sticks.EC20_ECM)
    assert bench.job.bring_up("1-1", (M.ECM,)).modem.mode is M.ECM
    assert [line.partition(" ")[2] for line in bench.said] == ['+QCFG="usbnet"', "+CFUN=1,1"]


def test_a_setting_that_does_not_take_is_told(bench: Bench) -> None:
    bench.plug(sticks.EC20_QMI)
    bench.answers['+QCFG="usbnet"'] = '+QCFG: "usbnet",0'
    with pytest.raises(NotApplied, match="reads back '\\+QCFG: \"usbnet\",0'"):
        bench.job.bring_up("1-1", (M.ECM,))


def test_a_modem_that_refuses_a_command_is_told_with_its_error(bench: Bench) -> None:
    bench.plug(sticks.EC20_QMI)
    fault = AtFault("dev/ttyUSB2: +QCFG: not supported", path="dev/ttyUSB2", command="x", kind=AtFaultKind.UNSUPPORTED)
    bench.answers['+QCFG="usbnet"'] = fault
    with pytest.raises(AtFault, match="not supported"):
        bench.job.bring_up("1-1", (M.ECM,))


def test_a_modem_that_restarts_by_itself_is_waited_for(bench: Bench) -> None:
    bench.plug(sticks.SIM7600_9001)
    bench.takes["+CUSBPIDSWITCH=9011,1,1"] = lambda: bench.becomes(sticks.SIM7600_9011, back_after=25)
    found = bench.job.bring_up("1-1", (M.RNDIS,))
    assert found.modem.at is not None
    assert (found.modem.device.identity, found.modem.at.tty) == ("1e0e:9011", "ttyUSB4")


def test_a_mode_that_does_not_come_is_told(bench: Bench) -> None:
    bench.plug(sticks.SIM7600_9001)
    bench.takes["+CUSBPIDSWITCH=9011,1,1"] = lambda: bench.becomes(sticks.SIM7600_9001)
    with pytest.raises(NotApplied, match="is in qmi, and rndis was wanted; AT\\+CUSBPIDSWITCH=9011,1,1 accepted"):
        bench.job.bring_up("1-1", (M.RNDIS,))


def test_a_message_that_was_lost_is_sent_once_more(bench: Bench) -> None:
    """libusb told an input/output error while the kernel's driver let go, and the stick had heard nothing."""
    bench.plug(STORAGE)
    heard = []

    def hear() -> None:
        heard.append(bench.seconds)
        if len(heard) == 1:
            raise Vanished("lost")
        bench.becomes(sticks.HUAWEI_A)

    bench.takes[HUAWEI_NEW] = hear
    found = bench.job.bring_up("1-1")
    assert found.outcome is Outcome.APPLIED
    assert found.done == (
        "1 message to endpoint 0x01: the device left", "1 message to endpoint 0x01: accepted",
    )  # fmt: skip
    assert 3 <= heard[1] - heard[0] < 4


@pytest.mark.parametrize("kind", [AtFaultKind.PORT_GONE, AtFaultKind.NO_ANSWER])
@pytest.mark.parametrize("lost", ['+QCFG="usbnet",1', '+QCFG="usbnet"'])
def test_an_answer_that_is_lost_after_the_command_is_no_failure(bench: Bench, lost: str, kind: AtFaultKind) -> None:
    """An EC20 may restart by itself: its port goes before it has answered, or before it is asked what it has stored."""
    bench.plug(sticks.EC20_QMI)
    gone = AtFault("dev/ttyUSB2: gone", path="dev/ttyUSB2", command=lost, kind=kind)

    def restarts() -> None:
        bench.answers[lost] = gone
        bench.becomes(sticks.EC20_ECM)

    bench.answers['+QCFG="usbnet"'] = '+QCFG: "usbnet",0'
    bench.takes['+QCFG="usbnet",1'] = restarts
    assert bench.job.bring_up("1-1", (M.ECM,)).modem.mode is M.ECM


def test_a_configuration_that_is_not_taken_leaves_the_one_before(bench: Bench) -> None:
    bench.plug(sticks.ME909S, 3)
    name = "sys/bus/usb/devices/1-1/bConfigurationValue"
    written = []

    class Refusing(Root):
        def write(self, name_: str, value: str | bytes, *, create: bool = False) -> None:
            if name_ == name:
                written.append(str(value).strip())
                if value != "0\n" and value != "3\n":
                    raise FileFault("invalid argument", path=name_)
            super().write(name_, value, create=create)

    bench.job.tools = evolve(bench.job.tools, root=Refusing(bench.root.directory))
    with pytest.raises(FileFault, match="invalid argument"):
        bench.job.bring_up("1-1")
    assert written == ["2", "0", "2", "3"]
