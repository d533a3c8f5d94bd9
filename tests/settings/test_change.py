"""`hal config`: one key changes, all other bytes stay, and what is wrong is refused before the first write."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from settings.whole import CONFIG, RULE, SSH_KEY

from hal import Root
from hal.cli import main
from hal.errors import Damaged, FileFault, ValueRefused
from hal.settings.change import change, listed

Tree = Callable[[str], Root]
SLUG = "raspberrypi4-64"
TEXT = """\
{
  "deviceType": "raspberrypi4-64",
  "apiKey": "0123abcd",
  "futureKey": {"deep": [1, 2.50, "\\u00e9"]},
  "os": { "network" : {} }
}
"""


@pytest.fixture
def root(hal_tree: Tree) -> Root:
    root = hal_tree(SLUG)
    root.replace(CONFIG, TEXT.encode())
    return root


def test_a_key_is_set_and_removed_and_the_rest_stays(root: Root) -> None:
    (done,) = change(root, {"hostname": "box"})
    assert (done.path, done.previous, done.value, done.cost) == ("hostname", None, "box", "service-restart")
    assert root.read_text(CONFIG) == TEXT.replace("{} }\n}", '{} },\n  "hostname": "box"\n}')
    before = Path(root.directory, CONFIG).stat()
    assert change(root, {"hostname": "box"}) == ()
    assert Path(root.directory, CONFIG).stat() == before, "nothing changed, yet written"
    change(root, {"hostname": None})
    assert root.read_text(CONFIG) == TEXT
    assert change(root, {"hostname": None}) == ()


def test_several_keys_at_once_or_none(root: Root) -> None:
    with pytest.raises(ValueRefused):
        change(root, {"hostname": "box", "country": "Germany"})
    assert root.read_text(CONFIG) == TEXT
    change(root, {"hostname": "box", "os.power.mode": "low", "os.udevRules.70-a.b": RULE})
    config = json.loads(root.read_text(CONFIG))
    assert config["os"] == {"network": {}, "power": {"mode": "low"}, "udevRules": {"70-a.b": RULE}}
    assert '"futureKey": {"deep": [1, 2.50, "\\u00e9"]}' in root.read_text(CONFIG)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("colour", "red", "no part of the OS is known to read such a key"),
        ("hostnam", "red", "close to it are hostname"),
        ("hostname.x", "red", "no part of the OS"),
        ("hostname.", "red", "no part of the OS"),
        ("os.udevRules.", {}, "no part of the OS"),
        ("os.udevRules." + "a" * 65, RULE, "would become the name of a file"),
        ("os.sshKeys", [f"{SSH_KEY} \ud800"], "no public SSH key"),
        ("hostname", "a\udcff", "is not a host name"),
        ("hostname", "a b", "hostname: 'a b' is not a host name"),
        ("os.fan", "cool", "no part of the OS"),
        ("os.udevRules.../../x", RULE, "would become the name of a file"),
        ("os.udevRules.70-a", "KERNL", "line 1, column 1"),
        ("os.udevRules.70-a", 1, "the text of a rule"),
        ("os.sshKeys", ["x"], "no public SSH key"),
        ("listenPort", 0, "1 to 65535 is allowed"),
        ("apiKey", "a b", "apiKey: "),
    ],
)
def test_what_is_wrong_is_refused_before_the_first_write(path: str, value: object, told: str, root: Root) -> None:
    with pytest.raises(ValueRefused) as refused:
        change(root, {"country": "DE", path: value})
    assert told in refused.value.message
    assert path == refused.value.path
    assert "a b" not in refused.value.message or path != "apiKey", "a secret was told"
    assert root.read_text(CONFIG) == TEXT


@pytest.mark.parametrize("data", [b"", b"{", b'{"a": 1,}', b"[]", b"\xff", b'{"a": 1, "a": 2}'])
def test_a_damaged_file_is_left_as_it_is(data: bytes, root: Root) -> None:
    root.replace(CONFIG, data)
    with pytest.raises(Damaged):
        change(root, {"hostname": "box"})
    assert root.read_bytes(CONFIG) == data


def test_a_file_that_is_not_there_is_not_made(root: Root) -> None:
    root.remove(CONFIG)
    with pytest.raises(FileFault):
        change(root, {"hostname": "box"})
    assert not root.exists(CONFIG)


def test_two_writers_take_turns(root: Root) -> None:
    names = [f"os.udevRules.{number}-x" for number in range(12)]
    threads = [threading.Thread(target=change, args=(root, {name: RULE})) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(json.loads(root.read_text(CONFIG))["os"]["udevRules"]) == len(names)


def test_secrets_are_not_shown(root: Root) -> None:
    assert dict(listed(root)) == {
        "deviceType": SLUG,
        "apiKey": "(not shown)",
        "futureKey": "(not shown)",
    }
    (done,) = change(root, {"apiKey": "89abcdef"}, dry_run=True)
    assert (done.previous, done.value) == ("(not shown)", "(not shown)")
    assert root.read_text(CONFIG) == TEXT


def call(root: Root, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["--root", str(root.directory), "config", *words])
    said = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, said.out, said.err


def test_on_the_command_line(root: Root, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, _ = call(root, capsys, "set", "--dry-run", "persistentLogging=true")
    assert (status, out.split("\n")[1]) == (0, "nothing written: this was a dry run")
    assert root.read_text(CONFIG) == TEXT
    status, out, _ = call(root, capsys, "set", "persistentLogging=true", "os.power.mode=3", "listenPort=80")
    assert (status, out.split("\n")[0]) == (0, "persistentLogging: not set -> true (read by balena-persistent-logs)")
    config = json.loads(root.read_text(CONFIG))
    assert (config["persistentLogging"], config["os"]["power"]["mode"], config["listenPort"]) == (True, "3", 80)
    assert call(root, capsys, "set", "listenPort=80")[1] == "already so, nothing written\n"
    assert call(root, capsys, "get", "os.power.mode")[:2] == (0, "3\n")
    assert call(root, capsys, "get", "hostname") == (1, "", "hostname: not set\n")
    (tmp_path / "rule").write_text(f"{RULE}\n")
    assert call(root, capsys, "set", f"os.udevRules.70-a=@{tmp_path / 'rule'}")[0] == 0
    assert call(root, capsys, "set", 'os.udevRules={"80-b": ""}')[0] == 0
    assert json.loads(call(root, capsys, "get", "os.udevRules", "--json")[1]) == {"80-b": ""}
    status, _, err = call(root, capsys, "set", "country=Germany")
    assert status == 1
    assert "a country's two capital letters" in err
    assert call(root, capsys, "set", "country")[0] == 2
    status, _, err = call(root, capsys, "set", "hostname=")
    assert status == 1
    assert "hal config unset hostname" in err
    assert call(root, capsys, "unset", "persistentLogging", "os.power.mode", "listenPort", "os.udevRules")[0] == 0
    assert "apiKey" in call(root, capsys, "list")[1]
    assert "0123abcd" not in call(root, capsys, "list", "--json")[1]


def test_a_key_is_not_refused_for_a_neighbour_of_a_longer_name(root: Root) -> None:
    root.replace(CONFIG, json.dumps({"os": {"udevRules": {"70-demo": "KERNL"}}}).encode())
    change(root, {"os.udevRules.70": RULE})
    assert json.loads(root.read_text(CONFIG))["os"]["udevRules"] == {"70-demo": "KERNL", "70": RULE}


def test_a_name_with_a_dot_is_no_path(root: Root) -> None:
    root.replace(CONFIG, json.dumps({"os.sshKeys": [], "a.b": "secret", "os": {"sshKeys": [SSH_KEY]}}).encode())
    assert dict(listed(root)) == {"os.sshKeys": [SSH_KEY], '"os.sshKeys"': "(not shown)", '"a.b"': "(not shown)"}


class Busy(Root):
    """Somebody else writes between the reading and the writing, this often."""

    times = 1

    def read_bytes(self, name: str, *, limit: int = 4 * 1024 * 1024) -> bytes:
        data = super().read_bytes(name, limit=limit)
        if name == CONFIG and self.times > 0:
            self.times -= 1
            config = json.loads(data)
            config[f"key{self.times}"] = "new"
            (self.directory / CONFIG).write_text(json.dumps(config))
        return data


def test_what_another_writer_adds_meanwhile_is_kept(root: Root) -> None:
    busy = Busy(root.directory)
    busy.times = 3
    change(busy, {"hostname": "box"})
    config = json.loads(root.read_text(CONFIG))
    assert {"key0", "key1", "key2", "hostname"} <= config.keys()
    busy.times = 100
    with pytest.raises(FileFault, match="somebody else changed it"):
        change(busy, {"hostname": "bin"})
    assert json.loads(root.read_text(CONFIG))["hostname"] == "box"


def test_a_word_that_json_also_knows_is_a_text_where_one_is_meant(
    root: Root, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(root, capsys, "set", "dnsServers=null", "os.network.connectivity.uri=null")[0] == 0
    config = json.loads(root.read_text(CONFIG))
    assert (config["dnsServers"], config["os"]["network"]["connectivity"]["uri"]) == ("null", "null")


def test_what_would_move_the_cursor_is_escaped(root: Root, capsys: pytest.CaptureFixture[str]) -> None:
    root.replace(CONFIG, json.dumps({"a\x1b]0;b": 1, "country": "\x1b[2J"}).encode())
    assert "\x1b" not in call(root, capsys, "list")[1]
    with pytest.raises(SystemExit):
        main(["--root", str(root.directory), "--board", SLUG, "plan"])
    assert "\x1b" not in capsys.readouterr().err
