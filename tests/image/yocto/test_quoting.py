"""Quoting: what bitbake expands is the value, whatever it is made of; what it cannot be is refused."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from image.yocto.building import Bitbake, base, build

from hal.errors import ValueRefused
from hal.image.yocto.syntax import listed, path, quoted, shell_quoted
from hal.model import JoinedPart, PartKind

ODD = st.sampled_from((
    "\\", '"', "'", "$", "{", "}", "${", "${@", "%", "#", "`", "@", "\\n", " ", "\t", "=", "??=", ":append", "é", ";",
))  # fmt: skip
TEXT = st.lists(ODD | st.characters(blacklist_categories=("Cs", "Cc")), max_size=12).map("".join)
LONG = st.integers(20, 400).map(lambda count: "long=" + 'x\\"%$' * count)


def carried(text: str) -> bool:
    try:
        quoted(text, what="x")
    except ValueRefused:
        return False
    return True


@settings(max_examples=5, phases=[Phase.explicit, Phase.reuse, Phase.generate], suppress_health_check=list(HealthCheck))
@given(values=st.lists(TEXT | LONG, min_size=20, max_size=60))
def test_bitbake_expands_a_value_to_itself(
    bitbake: Bitbake, tmp_path_factory: pytest.TempPathFactory, values: list[str]
) -> None:
    from hal.image.yocto import RELEASES

    release = [row for row in RELEASES.values() if bitbake.understands(row)][-1]
    folder = tmp_path_factory.mktemp("values")
    kept = [text for text in values if carried(text)]
    lines = [f"VALUE{at} = {quoted(text, what='x')}" for at, text in enumerate(kept)]
    words = [text.strip() for text in kept if text.strip() and not text.strip().startswith("#")]
    part = JoinedPart(kind=PartKind.KERNEL_ARGUMENT, name="x", value=None, asked=())
    lists = words if carried("".join(words)) else []
    lines += [line.text for line in listed("EVERY", "=", ((word, part) for word in lists), why="a test")]
    (folder / "layer/conf/machine/include").mkdir(parents=True)
    (folder / "layer/conf/machine/include/values.inc").write_text("\n".join(lines) + "\n", newline="")
    (folder / "layer/conf/layer.conf").write_text('BBPATH .= ":${LAYERDIR}"\n')
    built = build(folder / "build", base(folder / "base", release), folder / "layer", include="values")
    (told,) = bitbake.parse([built], old_syntax=release.old_syntax)
    assert told["said"] == []
    assert [told["configuration"][f"VALUE{at}"] for at in range(len(kept))] == kept
    if lists:
        assert told["configuration"]["EVERY"].strip() == "     ".join(words)


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "${X}", "a${", "${@1 + 1}", "a'b\"c"])
def test_what_cannot_be_a_value(text: str) -> None:
    with pytest.raises(ValueRefused, match=r"kernel-argument x: .* cannot be a value of bitbake"):
        quoted(text, what="kernel-argument x")


@settings(max_examples=20)
@given(values=st.lists(TEXT, min_size=5))
def test_a_shell_reads_each_word(values: list[str]) -> None:
    kept = [text for text in values if carried(text)]
    words = " ".join(shell_quoted(text, what="x") for text in ["first", *kept])
    told = subprocess.run(["sh", "-c", rf"printf '%s\0' {words}"], capture_output=True, timeout=20)
    assert told.stdout.decode().split("\0") == ["first", *kept, ""]


@pytest.mark.parametrize("text", ["", "a b", "a:b", "$(x)", "a*", "a;b", "'a'", "a\\b", "é"])
def test_what_cannot_be_in_a_list_of_files(text: str) -> None:
    with pytest.raises(ValueRefused):
        path(text, what="boot-file")
    assert path("a/b-c_1.2+3,4=5%@", what="boot-file")
