"""The command line through real processes: stable words, exit statuses, JSON, and nothing but words on errors."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hal import Root

Tree = Callable[[str], Root]
HAL = Path(sys.executable).parent / "hal"
AGX = "jetson-agx-orin-devkit"
NOUNS = ("fan", "power", "splash", "rtc", "tree", "record", "doctor")
BOOT_NOUNS = ("bootloader", "rollback", "update", "boot-config")


def hal(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([HAL, *map(str, words)], capture_output=True, text=True, timeout=60)


def configure(root: Root, config: object) -> None:
    text = config if isinstance(config, str) else json.dumps({"deviceType": AGX, **config})  # type: ignore[dict-item]
    root.resolve("mnt/boot/config.json").write_text(text)


def wanting(mode: object, profile: object) -> dict[str, Any]:
    return {"os": {"power": {"mode": mode}, "fan": {"profile": profile}}}


# -- the main job --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "slug", [AGX, "jetson-agx-orin-devkit-64gb", "jetson-orin-nx-seeed-j4012", "jetson-orin-nano-devkit-nvme"]
)
def test_plan_apply_plan(slug: str, hal_tree: Tree) -> None:
    root = hal_tree(slug)
    configure(root, {"deviceType": slug, **wanting("high", "cool")})
    plan = json.loads(hal("--root", root.directory, "plan", "--json").stdout)
    assert [(change["path"], change["cost"]) for change in plan["changes"]] == [
        ("os.power.mode", "reboot"),
        ("os.fan.profile", "service-restart"),
    ]
    assert plan["cost"] == "reboot"
    applied = hal("--root", root.directory, "apply", "--json")
    assert applied.returncode == 0
    outcomes = {item["path"]: item["result"]["outcome"] for item in json.loads(applied.stdout)["changes"]}
    assert outcomes == {"os.power.mode": "accepted", "os.fan.profile": "applied"}
    again = hal("--root", root.directory, "plan", "--json")
    assert json.loads(again.stdout)["changes"] == []
    assert hal("--root", root.directory, "plan").stdout == "nothing to change\n"
    vendor, stored = (
        root.read_text(name).splitlines() for name in ("etc/nvpmodel.conf", "etc/nvpmodel-config/nvpmodel.conf")
    )
    assert [(a, b) for a, b in zip(vendor, stored, strict=True) if a != b and "DEFAULT=" not in a] == []
    assert sum(a != b for a, b in zip(vendor, stored, strict=True)) == 1


def test_a_wrong_value_is_refused_and_the_rest_applied(hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    configure(root, wanting("turbo", "cool"))
    before = root.read_bytes("etc/nvpmodel-config/nvpmodel.conf")
    assert hal("--root", root.directory, "plan").returncode == 1
    answer = hal("--root", root.directory, "apply")
    assert answer.returncode == 1
    assert "os.fan.profile: quiet -> cool, applied" in answer.stdout
    assert (
        "refused: os.power.mode: 'turbo' is not a power mode here; allowed are low, mid, high, default" in answer.stderr
    )
    assert root.read_bytes("etc/nvpmodel-config/nvpmodel.conf") == before
    refused = json.loads(hal("--root", root.directory, "plan", "--json").stdout)["refused"]
    assert [(item["path"], item["value"], item["code"]) for item in refused] == [
        ("os.power.mode", "turbo", "value-refused")
    ]
    assert "high" in refused[0]["allowed"]


def test_another_config_file(hal_tree: Tree, tmp_path: Path) -> None:
    root = hal_tree(AGX)
    other = tmp_path / "other.json"
    other.write_text(json.dumps(wanting("low", None)))
    assert "os.power.mode: MODE_30W -> MODE_15W" in hal("--root", root.directory, "plan", "--config", other).stdout
    assert "not a regular file" in hal("--root", root.directory, "plan", "--config", tmp_path).stderr
    missing = hal("--root", root.directory, "plan", "--config", tmp_path / "none.json")
    assert (missing.returncode, missing.stderr) == (1, f"hal: {tmp_path / 'none.json'}: no such file\n")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("", "empty"),
        ("\x00\x01\x02", "config.json:1:1: "),
        ('{"deviceType": "jetson-agx-orin-devkit",\n "os": {"power": {"mode": "hi', "config.json:2:27: "),
        ('{\n "os": {},\n}', "config.json:2:10: " if sys.version_info >= (3, 13) else "config.json:3:1: "),
        ("[" * 100_000, "nested deeper than 64 levels"),
        ('{"a":' * 100_000, "nested deeper than 64 levels"),
        (" " * 2_000_000, "larger than"),
        ('{"os": NaN}', "NaN is not JSON"),
        ("[]", "a JSON object is expected"),
    ],
    ids=["empty", "binary", "truncated", "comma", "deep list", "deep object", "huge", "NaN", "list"],
)
@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_config_that_cannot_be_read_changes_nothing(command: str, config: str, words: str, hal_tree: Tree) -> None:
    """The device is still identified, by device-type.json; its config.json is left byte for byte."""
    root = hal_tree(AGX)
    configure(root, config)
    before = root.read_bytes("mnt/boot/config.json")
    answer = hal("--root", root.directory, command)
    assert answer.returncode == 1
    assert words in answer.stderr
    assert "Traceback" not in answer.stderr
    assert root.read_bytes("mnt/boot/config.json") == before
    assert json.loads(hal("--root", root.directory, "identify", "--json").stdout)["slug"] == AGX
    assert hal("--root", root.directory, "capabilities").returncode == 0
    assert hal("--root", root.directory, "doctor").returncode == 1


# -- words, statuses, JSON -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("fan", "set", "loud"), 1, "value-refused"),
        (("power", "set", "turbo"), 1, "value-refused"),
        (("splash", "set", "/nowhere/logo.png"), 1, "file"),
        (("splash", "set"), 2, "usage"),
        (("plan", "--config", "/nowhere/x.json"), 1, "file"),
        (("nonsense",), 2, "usage"),
        (("fan", "set"), 2, "usage"),
        (("identify", "--what"), 2, "usage"),
        (("tree", "new", "somewhere"), 2, "usage"),
        (("--board", "no-such-board", "show"), 3, "board-unknown"),
        (("boards", "raspberypi5"), 3, "board-unknown"),
        (("--board", "beaglebone-black", "fan", "status"), 4, "capability-absent"),
        (("--board", "raspberrypi5", "power", "set", "high"), 4, "capability-absent"),
    ],
)
def test_exit_statuses_and_json_errors(words: tuple[str, ...], status: int, code: str, hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    plain = hal("--root", root.directory, *words)
    assert plain.returncode == status
    assert plain.stderr
    assert "Traceback" not in plain.stderr
    answer = hal("--root", root.directory, *words, "--json")
    assert (answer.returncode, answer.stdout) == (status, "")
    error = json.loads(answer.stderr)["error"]
    assert error["code"] == code
    assert error["message"]
    assert "path" in error


def test_close_spellings_are_offered() -> None:
    assert "raspberrypi5" in hal("boards", "raspberypi5").stderr


def test_options_before_and_behind_the_noun(hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    orders = [
        ("--root", root.directory, "--json", "identify"),
        ("identify", "--root", root.directory, "--json"),
        ("--json", "identify", "--root", root.directory),
    ]
    answers = {hal(*words).stdout for words in orders}
    assert len(answers) == 1
    assert json.loads(answers.pop())["slug"] == AGX


def test_a_root_that_is_no_folder(tmp_path: Path) -> None:
    answer = hal("--root", tmp_path / "none", "show")
    assert answer.returncode == 1
    assert "not a directory" in answer.stderr


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    answer = subprocess.run(f"{HAL} boards --json | head -n 1", shell=True, capture_output=True, text=True, timeout=60)  # noqa: S602
    assert answer.stdout == "[\n"
    assert "Traceback" not in answer.stderr


def test_boards_lists_every_device_type_with_its_facts() -> None:
    rows = json.loads(hal("boards", "--json").stdout)
    slugs = [row["slug"] for row in rows]
    assert slugs == sorted(set(slugs))
    nano = next(row for row in rows if row["slug"] == "jetson-orin-nano-devkit-nvme")
    assert (nano["partitions"]["root_a"], nano["partitions"]["slot_encoding"]) == (15, "hex")
    assert nano["plugin"] == "hal_jetson_orin"
    assert hal("boards", "nuc", "--json").stdout == hal("boards", "intel-nuc", "--json").stdout
    table = hal("boards").stdout.splitlines()
    assert len(table) == len(slugs) + 1


def test_every_slug_of_the_public_sources_is_known() -> None:
    """The names as the device repositories and contracts list them; a row that went missing is noticed here."""
    expected = """
        raspberry-pi raspberry-pi2 raspberrypi3 raspberrypi3-64 raspberrypi0-2w-64 raspberrypi4-64 raspberrypi400-64
        raspberrypicm4-ioboard raspberrypicm4-ioboard-sb raspberrypi5 raspberrypi3-unipi-neuron
        raspberrypi4-unipi-neuron
        raspberrypi4-superhub npe-x500-m3 revpi-connect-s revpi-connect-4 rt-rpi-300 fincm3 nebra-hnt revpi-connect
        revpi-core-3 raspberrypi4-edatec-sensing
        beaglebone-black beaglebone-green beaglebone-green-wifi beaglebone-green-gateway beaglebone-ai64 beagleboard-xm
        beaglebone-pocket beagleplay
        jetson-tx1 jetson-tx2 astro-tx2 orbitty-tx2 spacely-tx2 blackboard-tx2 n310-tx2 n510-tx2 jetson-tx2-nx-devkit
        jetson-nano jetson-nano-emmc jetson-nano-2gb-devkit jn30b-nano floyd-nano jetson-xavier jetson-xavier-nx-devkit
        jetson-xavier-nx-devkit-emmc jetson-xavier-nx-devkit-seeed-2mic-hat cnx100-xavier-nx
        jetson-agx-orin-devkit jetson-agx-orin-devkit-64gb jetson-orin-nano-devkit-nvme jetson-orin-nano-seeed-j3010
        jetson-orin-nx-seeed-j4012 jetson-orin-nx-xavier-nx-devkit forecr-dsb-ornx-orin-nano-8gb
        jetson-agx-orin-industrial forecr-dsb-ornx-lan-orin-nano-4gb forecr-dsb-ornx-lan-orin-nx-16gb
        jetson-agx-thor-devkit
        intel-nuc genericx86-64-ext surface-go surface-pro-6 generic-amd64 generic-amd64-av generic-amd64-fs
        generic-amd64-xr studio-automatedx86-sb generic-aarch64 up-board up-core up-core-plus up-squared
    """
    assert sorted(row["slug"] for row in json.loads(hal("boards", "--json").stdout)) == sorted(expected.split())


def test_fan_and_power_tell_and_set(hal_tree: Tree) -> None:
    root = hal_tree(AGX)
    status = json.loads(hal("--root", root.directory, "fan", "status", "--json").stdout)
    assert status["state"]["readings"][0]["temperature_millicelsius"] == 51125
    assert [profile["name"] for profile in status["profiles"]] == ["cool", "quiet"]
    assert hal("--root", root.directory, "fan", "set", "cool").stdout == "quiet -> cool: applied\n"
    assert hal("--root", root.directory, "fan", "set", "cool").stdout == "cool: already so, nothing written\n"
    result = json.loads(hal("--root", root.directory, "power", "set", "3", "--json").stdout)
    assert (result["value"], result["outcome"], result["cost"]) == ("MODE_50W", "accepted", "reboot")
    assert "reboot" in hal("--root", root.directory, "power", "status").stdout
    state = json.loads(hal("--root", root.directory, "power", "status", "--json").stdout)["state"]
    assert (state["configured"]["name"], state["running"]["name"]) == ("MODE_50W", "MODE_30W")


def test_show_on_every_kind_of_board(hal_tree: Tree) -> None:
    for slug in (AGX, "raspberrypi5", "intel-nuc", "beaglebone-black", "jetson-nano", "jetson-agx-thor-devkit"):
        root = hal_tree(slug)
        answer = hal("--root", root.directory, "show")
        assert answer.returncode == 0
        assert slug in answer.stdout
        assert json.loads(hal("--root", root.directory, "show", "--json").stdout)["slug"] == slug


def test_the_override_says_that_it_is_one(hal_tree: Tree) -> None:
    answer = hal("--root", hal_tree(AGX).directory, "--board", "raspberrypi5", "identify")
    assert answer.returncode == 0
    assert "raspberrypi5" in answer.stdout
    assert "given by --board, not found out" in answer.stderr


def test_help_lists_the_nouns_and_the_statuses() -> None:
    text = hal("--help").stdout
    shown = [line.split()[0] for line in text[text.index("Commands:") :].splitlines()[1:]]
    assert set(shown) == {
        "show",
        "identify",
        "boards",
        "capabilities",
        "config",
        "plan",
        "apply",
        "image",
        "rtc",
        *NOUNS,
        *BOOT_NOUNS,
        "wifi",
        "modem",
    }
    assert "3 board unknown or ambiguous" in " ".join(text.split())


# -- trees -----------------------------------------------------------------------------------------------------------


def test_a_tree_is_never_written_over_anything(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("x")
    answer = hal("tree", "new", "--board", AGX, tmp_path)
    assert answer.returncode == 1
    assert "not empty" in answer.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_recording_a_tree_and_identifying_the_record(hal_tree: Tree, tmp_path: Path) -> None:
    root = hal_tree("jetson-orin-nano-seeed-j3010")
    archive = tmp_path / "record.tar.gz"
    answer = hal("--root", root.directory, "record", archive)
    assert answer.returncode == 0, answer.stderr
    (tmp_path / "unpacked").mkdir()
    subprocess.run(["tar", "-xf", archive, "-C", tmp_path / "unpacked"], check=True, timeout=60)
    again = json.loads(hal("--root", tmp_path / "unpacked", "identify", "--json").stdout)
    first = json.loads(hal("--root", root.directory, "identify", "--json").stdout)
    assert (again["slug"], again["board"]) == (first["slug"], first["board"])
    assert hal("--root", tmp_path / "unpacked", "plan").stdout == hal("--root", root.directory, "plan").stdout


# -- doctor ----------------------------------------------------------------------------------------------------------


def test_the_doctor_finds_nothing_on_a_sound_tree(hal_tree: Tree) -> None:
    answer = hal("--root", hal_tree("raspberrypi5").directory, "doctor")
    assert (answer.returncode, answer.stdout) == (0, "nothing wrong found\n")


def test_the_doctor_says_what_to_do(hal_tree: Tree, tmp_path: Path) -> None:
    root = hal_tree(AGX)
    configure(root, {"deviceType": "raspberrypi5", **wanting("turbo", "cool")})
    findings = json.loads(hal("--root", root.directory, "doctor", "--json").stdout)["findings"]
    assert all(finding["advice"] for finding in findings)
    assert {"identity"} <= {finding["code"] for finding in findings}
    configure(root, wanting("turbo", "cool"))
    codes = {item["code"] for item in json.loads(hal("--root", root.directory, "doctor", "--json").stdout)["findings"]}
    assert codes == {"value-refused", "not-applied"}
    (tmp_path / "empty").mkdir()
    assert hal("--root", tmp_path / "empty", "doctor").returncode == 3
