"""Model files: what they add and change, where it is seen, and what is refused."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest
from hal_modems.models import MODEMS
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import HalError
from hal.model import (
    AtSetting,
    BulkMessages,
    ModemMode,
    ModemModel,
    ModemState,
    PortRole,
    ScsiEject,
    SelectConfiguration,
)
from hal.peripherals.modem.file import read_models
from hal.peripherals.modem.known import FOLDERS, Known, know
from hal.root import Root

USER, IMAGE = (f"{folder}/own.toml" for folder in FOLDERS)
NEW = """
[[model]]
name = "X1"
maker = "Acme"
form_factor = "mpcie"
mtu_bytes = 1428
prefers = ["mbim", "ecm"]
quirks = ["slow"]

[[model.identities]]
ids = "1234:5678"
state = "storage"
manufacturer = "Acme"
[model.identities.switch]
steps = [
  { eject = true },
  { message = "0102" },
  { messages = ["03", "04"] },
  { configuration = 2 },
  { configuration = "mbim" },
  { mode = "HuaweiNewMode" },
]
targets = ["1234:5679"]
target_class = "ff"
seconds = 40
wait_seconds = 1.5

[[model.identities]]
ids = "1234:5679"
state = "service"

[[model.ports]]
role = "at"
triples = ["ff/03/12", "ff/00/*"]
interface = 2
products = ["5679"]
endpoints = 3

[[model.ports]]
role = "network"
mode = "qmi"

[[model.modes]]
mode = "ecm"
steps = [{ at = { query = "+X?", shown = "1", command = "+X=1", reset = "+CFUN=1,1" } }]
identity = "1234:567a"
"""


def placed(directory: Path, name: str, text: str | bytes) -> Root:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return Root(directory)


def known(root: Root) -> Known:
    return know(root, {"hal_modems": MODEMS})


def model(root: Root, name: str) -> tuple[ModemModel, str]:
    (one,) = (each for each in known(root).models if each.model.name == name)
    return one.model, one.origin


def test_a_new_model_has_everything_that_a_table_can_say(tmp_path: Path) -> None:
    found, origin = model(placed(tmp_path, USER, NEW), "X1")
    first, second = found.identities
    assert (origin, found.maker, found.form_factor, found.mtu_bytes) == (USER, "Acme", "mpcie", 1428)
    assert found.prefers == (ModemMode.MBIM, ModemMode.ECM)
    assert (first.ids, first.state, first.manufacturer, second.state) == (
        (0x1234, 0x5678), ModemState.STORAGE, "Acme", ModemState.SERVICE,
    )  # fmt: skip
    assert first.switch is not None
    assert first.switch.steps[:5] == (
        ScsiEject(),
        BulkMessages(messages=("0102",)),
        BulkMessages(messages=("03", "04")),
        SelectConfiguration(value=2),
        SelectConfiguration(mode=ModemMode.MBIM),
    )
    assert (first.switch.targets, first.switch.target_class, first.switch.seconds, first.switch.wait_seconds) == (
        ((0x1234, 0x5679),), 0xFF, 40.0, 1.5,
    )  # fmt: skip
    assert (found.ports[0].role, found.ports[0].triples, found.ports[0].products) == (
        PortRole.AT, ((0xFF, 3, 0x12), (0xFF, 0, None)), (0x5679,),
    )  # fmt: skip
    assert found.modes[0].steps == (AtSetting(query="+X?", shown="1", command="+X=1", reset="+CFUN=1,1"),)
    assert found.sources == (USER,)


def test_a_known_model_keeps_what_the_file_does_not_name(tmp_path: Path) -> None:
    """R23: a 12d1:1f01 that is to be MBIM, and whose network needs a smaller MTU."""
    text = '[[model]]\nname = "E3372h"\nprefers = ["mbim"]\nmtu_bytes = 1428\n'
    found, origin = model(placed(tmp_path, USER, text), "E3372h")
    before = next(each for each in MODEMS if each.name == "E3372h")
    assert (found.prefers, found.mtu_bytes, origin) == ((ModemMode.MBIM,), 1428, USER)
    assert (found.identities, found.ports, found.maker) == (before.identities, before.ports, before.maker)


def test_the_user_counts_before_the_image(tmp_path: Path) -> None:
    root = placed(tmp_path, IMAGE, '[[model]]\nname = "EC20 R2"\nprefers = ["ecm"]\nmtu_bytes = 1400\n')
    placed(tmp_path, USER, '[[model]]\nname = "EC20 R2"\nprefers = ["mbim"]\n')
    found, origin = model(root, "EC20 R2")
    assert (found.prefers, found.mtu_bytes, origin) == ((ModemMode.MBIM,), 1400, USER)


def test_a_file_with_a_mistake_changes_nothing_and_the_others_count(tmp_path: Path) -> None:
    root = placed(tmp_path, f"{FOLDERS[0]}/a.toml", NEW + '\n[[model]]\nname = "X2"\n')
    placed(tmp_path, f"{FOLDERS[0]}/b.toml", '[[model]]\nname = "EC20 R2"\nprefers = ["ecm"]\n')
    found = known(root)
    assert [str(fault) for fault in found.faults] == [
        f"{FOLDERS[0]}/a.toml: the model 'X2' is not known elsewhere, so it needs maker and identities"
    ]
    assert "X1" not in [each.model.name for each in found.models]
    assert model(root, "EC20 R2")[0].prefers == (ModemMode.ECM,)


def test_a_name_that_two_makers_have_is_asked_for_its_maker(tmp_path: Path) -> None:
    other = NEW.replace('"X1"', '"EC20 R2"')
    root = placed(tmp_path, f"{FOLDERS[1]}/a.toml", other)
    placed(tmp_path, USER, '[[model]]\nname = "EC20 R2"\nmtu_bytes = 1400\n')
    assert [fault.message for fault in known(root).faults] == [
        f"{USER}: 'EC20 R2' is a model of Acme and of Quectel; name its maker"
    ]


STEPS = 'name="a"\nmaker="b"\n[[model.identities]]\nids="1234:5678"\nstate="storage"\nswitch={steps=[%s]}\n'
REFUSED = {
    "no TOML": ("[[model]\n", ":1:8: "),
    "no text": (b"\xff", ":1: not UTF-8 text"),
    "other table": ("[mode]\n", ": the file: 'mode' is no value; allowed keys are model"),
    "no name": ("[[model]]\n", ": model[0].name: None is no value; a text of printable characters is expected"),
    "other key": ('[[model]]\nname="a"\nmtu=3\n', ": model[0]: 'mtu' is no value; allowed keys are name, maker, "),
    "state": (
        '[[model]]\nname="a"\nidentities=[{ids="1234:5678", state="on"}]\n',
        ": model[0].identities[0].state: 'on' is no value; allowed are storage, service, download",
    ),
    "ids": (
        '[[model]]\nname="a"\nidentities=[{ids="123:5678", state="service"}]\n',
        ".ids: '123:5678' is no value; ids are written as in 12d1:14fe",
    ),
    "storage for ever": (
        '[[model]]\nname="a"\nidentities=[{ids="1234:5678", state="storage"}]\n',
        "a storage state needs `switch`",
    ),
    "mode": ('[[model]]\nname="a"\nprefers=["wimax"]\n', ".prefers[0]: 'wimax' is no value; allowed are mbim, qmi, "),
    "mtu": ('[[model]]\nname="a"\nmtu_bytes=1.5\n', ": 1.5 is no value; a whole number from 576 to 65535"),
    "truth": ('[[model]]\nname="a"\nmtu_bytes=true\n', ": True is no value"),
    "message": ("[[model]]\n" + STEPS % '{message="xyz"}', "'xyz' is no value; a message is hexadecimal"),
    "command": ("[[model]]\n" + STEPS % '{message="55534243"}', "a storage command has 31 bytes, not 4"),
    "step": ("[[model]]\n" + STEPS % '{shell="rm"}', "a step has one key of message, messages, eject, "),
    "two in one": ("[[model]]\n" + STEPS % '{eject=true, message="00"}', "a step has one key of"),
    "expression": (
        "[[model]]\n" + STEPS % '{at={query="a",shown="(",command="b",reset="c"}}', "no regular expression: missing )",
    ),
    "control character": ('[[model]]\nname="a\\u0007"\n', "a text of printable characters is expected"),
    "a list for a name": ("[[model]]\n" + STEPS % "{mode=[]}", "[] is no value; allowed are "),
    "no step": ("[[model]]\n" + STEPS % "", "at least one is needed"),
    "a pattern for ever": (
        "[[model]]\n" + STEPS % '{at={query="a",shown="a{99999999999999999999}",command="b",reset="c"}}',
        "no regular expression",
    ),
    "a pattern without end": (
        "[[model]]\n" + STEPS % ('{at={query="a",shown="' + "(" * 3000 + '",command="b",reset="c"}}'),
        "a pattern has at most 200 characters",
    ),
    "a number without end": ('[[model]]\nname="a"\nmtu_bytes=0x' + "f" * 5000 + "\n", "a number that is too long"),
    "triple": ('[[model]]\nname="a"\nports=[{role="at",triples=["ff/3/12"]}]\n', "are written as in ff/03/12, or "),
    "table for list": ('[[model]]\nname="a"\nports={role="at"}\n', "a list is expected"),
    "long value": (f'[[model]]\nname="a"\nform_factor="{"x" * 5000}"\n', "allowed are usb, mpcie, module"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "words"), REFUSED.values(), ids=REFUSED)
def test_a_mistake_is_told_by_its_place(tmp_path: Path, text: str | bytes, words: str) -> None:
    with pytest.raises(HalError, match=re.escape(words)) as caught:
        read_models(placed(tmp_path, USER, text), USER)
    assert caught.value.path == USER
    assert len(str(caught.value)) < 400


def test_a_file_of_megabytes_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(HalError, match="larger than"):
        read_models(placed(tmp_path, USER, "#" * 300_000), USER)


TOML = st.recursive(
    st.one_of(st.text(max_size=6), st.integers(), st.booleans()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["ids", "state", "switch", "steps", "role"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["name", "maker", "identities", "ports", "modes", "prefers", "quirks"]), TOML))
def test_any_table_is_a_model_or_refused(tmp_path_factory: pytest.TempPathFactory, told: dict[str, object]) -> None:
    from hal.peripherals.modem import file

    with suppress(file._Wrong):
        file._given(told, "model[0]", USER)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder, suppress(HalError):
        read_models(placed(Path(folder), USER, text.encode(errors="surrogateescape") if text.isascii() else b""), USER)
