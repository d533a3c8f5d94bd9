"""`Device`: absence with a reason, defects of a plugin's objects contained, the doctor's findings."""

from __future__ import annotations

import json
from collections.abc import Callable

import jsonschema
import pytest

import hal
from hal import Device, Root
from hal.ask import ask
from hal.doctor import examine
from hal.document import capabilities
from hal.errors import CapabilityAbsent, PluginFault, ValueRefused, blame
from hal.model import Change, Outcome, SetResult
from hal.settings.plan import Plan, Planned, apply
from hal.testing.cases import SCHEMA
from hal.tree.picture import picture

Tree = Callable[[str], Root]
AGX = "jetson-agx-orin-devkit"


class Defective:
    """A fan whose author made a mistake in every method."""

    reads = ("etc/fan.conf",)
    writes = ()

    def profiles(self) -> object:
        return {}["profiles"]

    def state(self, *, live: bool = True) -> object:
        return 1 / 0

    def preview(self, wanted: str | None) -> Change | None:
        raise TypeError("wanted what?")

    def set(self, wanted: str | None) -> SetResult:
        raise RuntimeError("no")


def with_defective_fan(root: Root) -> Device:
    device = Device.open(root)
    device.__dict__["fan"] = Defective()
    return device


def test_a_defective_object_does_not_take_the_rest_along(hal_tree: Tree) -> None:
    device = with_defective_fan(hal_tree(AGX))
    document = capabilities(device)
    jsonschema.validate(document, SCHEMA)
    assert document["capabilities"]["fan"]["error"]["code"] == "plugin"
    assert document["capabilities"]["power"]["modes"]
    plan = device.plan({"os": {"power": {"mode": "high"}, "fan": {"profile": "cool"}}})
    assert [(item.path, item.code) for item in plan.refused] == [("os.fan.profile", "plugin")]
    assert [item.path for item in plan.changes] == ["os.power.mode"]


class DefectiveSplash:
    """A splash whose author answers with something else than is declared."""

    reads = writes = ("mnt/boot/logo.png",)

    def state(self, *, decode: bool = True) -> object:
        return {"image": None}

    def read(self) -> object:
        return "text"

    def preview(self, wanted: object) -> object:
        return ()

    def set(self, wanted: object) -> object:
        return True

    def reset(self) -> object:
        return 1 / 0


@pytest.mark.parametrize(
    ("method", "arguments", "words"),
    [
        ("state", (), r"state\(\) answered dict instead of SplashState"),
        ("read", (), r"read\(\) answered str instead of bytes"),
        ("preview", (b"",), r"preview\(\) answered tuple instead of Change or NoneType"),
        ("set", (b"",), r"set\(\) answered bool instead of SetResult"),
        ("reset", (), "ZeroDivisionError"),
    ],
)
def test_a_defective_splash_is_blamed_on_its_plugin(method: str, arguments: tuple[bytes, ...], words: str) -> None:
    with pytest.raises(PluginFault, match=words):
        ask(DefectiveSplash(), method, *arguments)


def test_a_defective_splash_does_not_take_the_rest_along(hal_tree: Tree) -> None:
    device = Device.open(hal_tree("raspberrypi5"))
    device.__dict__["splash"] = DefectiveSplash()
    document = capabilities(device)
    jsonschema.validate(document, SCHEMA)
    assert document["capabilities"]["splash"]["error"]["code"] == "plugin"


def test_a_setter_that_fails_does_not_stop_the_others(hal_tree: Tree) -> None:
    device = Device.open(hal_tree(AGX))
    wanted = device.plan({"os": {"power": {"mode": "high"}}}).changes
    broken = Planned(path="os.fan.profile", change=wanted[0].change, setting=Defective(), wanted="cool")
    first, second = apply(Plan(changes=(broken, *wanted)), device.root)
    assert isinstance(first.error, PluginFault)
    assert second.result is not None
    assert second.result.outcome is Outcome.ACCEPTED


def test_blame_names_the_plugin_and_passes_our_own_errors() -> None:
    with pytest.raises(PluginFault, match=r"KeyError: 'x'; a defect of this plugin"), blame(Defective()):
        raise KeyError("x")
    with pytest.raises(ValueRefused), blame(Defective()):
        raise ValueRefused("no")


@pytest.mark.parametrize(
    ("absence", "reason", "reported"),
    [
        (lambda: None, None, []),
        (lambda: "it is not fitted", "it is not fitted", []),
        (lambda: 1 / 0, "ZeroDivisionError", ["hal_acme"]),
        (lambda: 7, "answered int instead of str", ["hal_acme"]),
    ],
)
def test_a_capability_can_tell_at_run_time_that_it_is_not_here(
    absence: Callable[[], object], reason: str | None, reported: list[str], hal_tree: Tree
) -> None:
    class Fitted(Defective):
        __module__ = "hal_acme.fan"
        asked = 0

        def absence(self) -> object:
            self.asked += 1
            return absence()

    device, fan = Device.open(hal_tree(AGX)), Fitted()
    device._scope.first = lambda *_, **__: fan  # type: ignore[method-assign]
    assert fan.asked == 0, "asked before anybody wants it"
    assert (device.fan, device.fan) == ((fan, fan) if reason is None else (None, None))
    assert fan.asked == 1
    assert [problem.plugin for problem in device.problems] == reported
    if reason is not None:
        assert reason in device.absent["fan"]


@pytest.mark.parametrize(
    ("slug", "noun", "reason"),
    [
        ("beaglebone-black", "fan", "fan"),
        (
            "raspberrypi4-64",
            "fan",
            "no fan is known to be here: config.txt names no overlay rpi-poe, rpi-poe-plus or gpio-fan",
        ),
        ("raspberrypi4-edatec-sensing", "fan", "is not known"),
        ("raspberrypicm4-ioboard-sb", "fan", "there is no dev/i2c-10"),
        ("intel-nuc", "fan", "no hwmon device here has a pwm output"),
        ("generic-aarch64", "power", "the kernel scales no CPU frequency here"),
        ("jetson-nano", "fan", "images of L4T 32 have no fan profiles"),
        ("jetson-tx2", "power", "not known"),
        ("jetson-agx-thor-devkit", "power", "offers none"),
        ("jetson-agx-thor-devkit", "bootloader", "not known"),
    ],
)
def test_absence_is_none_with_a_reason(slug: str, noun: str, reason: str, hal_tree: Tree) -> None:
    device = Device.open(hal_tree(slug))
    assert getattr(device, noun) is None
    assert reason in device.absent[noun]
    with pytest.raises(CapabilityAbsent, match=f"{slug} has no {noun}") as error:
        device.need(noun)
    assert error.value.exit_status == 4


def test_an_unknown_noun_is_refused(hal_tree: Tree) -> None:
    with pytest.raises(ValueRefused, match="allowed are bootloader, fan, power, splash"):
        Device.open(hal_tree(AGX)).need("toaster")


def test_public_names() -> None:
    assert all(getattr(hal, name) is not None for name in hal.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Toaster'"):
        _ = hal.Toaster


@pytest.mark.parametrize("slug", [AGX, "raspberrypi4-64", "generic-amd64"])
def test_the_document_is_plain_json_and_stable(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    texts = {json.dumps(capabilities(Device.open(root))) for _ in range(2)}
    assert len(texts) == 1
    assert json.loads(texts.pop())["device_type"]["slug"] == slug


@pytest.mark.parametrize(
    ("slug", "name", "content", "found"),
    [
        (AGX, None, "", {}),
        (AGX, "mnt/boot/config.json", "{", {"mnt/boot/config.json": "damaged"}),
        (AGX, "etc/nvpmodel.conf", "x", {"power": "damaged"}),
        (AGX, "etc/nvpmodel-config/nvpmodel.conf", "x", {"os.power.mode": "not-applied", "power": "damaged"}),
        (AGX, "var/lib/nvpmodel/status", "pmode:0001\n", {"power": "reboot-required"}),
        (AGX, "var/lib/nvfancontrol/status", "cool\n", {"fan": "not-applied"}),
        (AGX, "proc/device-tree/compatible", "raspberrypi,5-model-b\0", {"board": "identity"}),
        ("raspberrypi5", "mnt/boot/device-type.json", '{"slug": "raspberrypi4-64"}', {"board": "identity"}),
        ("raspberrypi5", "mnt/boot/config.json", '{"deviceType": "rasberrypi5"}', {"board": "identity"}),
    ],
)
def test_what_the_doctor_finds(
    slug: str, name: str | None, content: str, found: dict[str, str], hal_tree: Tree
) -> None:
    root = hal_tree(slug)
    if name is not None:
        root.resolve(name).write_text(content)
    findings = examine(root)
    assert {finding.about: finding.code for finding in findings} == found
    assert all(finding.message and finding.advice for finding in findings)


LOGO, DEFAULT = "mnt/boot/splash/balena-logo.png", "mnt/boot/splash/balena-logo-default.png"


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        (LOGO, None, [("file", "no image to draw")]),
        (LOGO, b"", [("damaged", f"{LOGO}: empty")]),
        (LOGO, b"GIF89a", [("damaged", f"{LOGO}: no PNG image")]),
        (LOGO, picture(8, 8)[:-1], [("damaged", f"{LOGO}: cut off")]),
        (LOGO, picture(8, 8) + bytes(1024 * 1024), [("value-refused", "bytes are too many")]),
        (DEFAULT, b"", [("damaged", f"{DEFAULT}, which a reset goes back to: empty")]),
        (DEFAULT, picture(9, 9), []),
    ],
)
def test_what_the_doctor_says_about_the_splash(
    name: str, content: bytes | None, found: list[tuple[str, str]], hal_tree: Tree
) -> None:
    root = hal_tree("raspberrypi4-64")
    if content is None:
        root.remove(name)
    else:
        root.replace(name, content)
    findings = examine(root)
    assert [(finding.about, finding.code) for finding in findings] == [("splash", code) for code, _ in found]
    assert all(words in finding.message for (_, words), finding in zip(found, findings, strict=True))
    assert all("hal splash reset" in finding.advice for finding in findings)


def test_a_vendor_file_that_is_missing_matters_to_who_asks(hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    root.remove("etc/nvpmodel.conf")
    device = Device.open(root)
    unasked = device.plan({})
    assert unasked.refused == ()
    assert unasked.warnings == ("os.power.mode: etc/nvpmodel.conf: no such file or directory",)
    assert [item.code for item in device.plan({"os": {"power": {"mode": "high"}}}).refused] == ["file"]


def test_an_unrelated_problem_is_no_reason_for_absence(hal_tree: Tree) -> None:
    device = Device.open(hal_tree("jetson-agx-thor-devkit"))
    device._catalog.report("hal_jetson_orin", "its table has the device type 'x' twice", "remove one")
    device._catalog.report("hal_other", "raised in hal_power: no", "report it")
    assert device.absent["power"] == "hal_jetson_orin offers none for this device type"
    device._catalog.report("hal_jetson_orin", "raised in hal_fan: KeyError", "report it")
    del device._absent["fan"], device.__dict__["fan"]
    assert device.absent["fan"] == "hal_jetson_orin: raised in hal_fan: KeyError"
