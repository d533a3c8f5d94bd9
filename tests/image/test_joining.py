"""Joining: agreement keeps every reason, disagreement names both sides and what each said, wishes give way."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hal.errors import Disagreement
from hal.image.joining import Contribution, join, place, said
from hal.model import EITHER, ImagePart, PartKind


def part(kind: str, name: str, value: str | bytes | None = None, **more: bool) -> ImagePart:
    return ImagePart(kind=PartKind(kind), name=name, value=value, reason="because", **more)


def from_two(one: ImagePart, other: ImagePart) -> tuple[Contribution, Contribution]:
    return Contribution("hal_board", one), Contribution("hal_addon", other)


@pytest.mark.parametrize(
    ("kind", "name", "values", "outcome"),
    [
        ("kernel-symbol", "USB_ACM", ("m", "m"), "m"),
        ("kernel-symbol", "USB_ACM", ("y", EITHER), "y"),
        ("kernel-symbol", "USB_ACM", (EITHER, "m"), "m"),
        ("kernel-symbol", "USB_ACM", (EITHER, EITHER), "m"),
        ("kernel-symbol", "NR_CPUS", ("4", "4"), "4"),
        ("kernel-argument", "quiet", (None, None), None),
        ("package", "iw", ("present", "present"), "present"),
        ("package", "iw", ("absent", "absent"), "absent"),
        ("console", "ttyS0", (None, "115200"), "115200"),
        ("console", "ttyS0", ("115200", "115200"), "115200"),
        ("file", "etc/x", ("a\n", b"a\n"), "a\n"),
        ("udev-rule", "70-x.rules", ("a\n", "a\n"), "a\n"),
    ],
)
def test_agreement_is_one_part_with_both_reasons(
    kind: str, name: str, values: tuple[str | bytes | None, ...], outcome: str | None
) -> None:
    (joined,) = join(from_two(*(part(kind, name, value) for value in values)))
    assert joined.value == outcome
    assert [(each.contributor, each.reason) for each in joined.asked] == [
        ("hal_board", "because"),
        ("hal_addon", "because"),
    ]


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        (("kernel-symbol", "A", "y"), ("kernel-symbol", "A", "m"), "kernel-symbol A: hal_board (because) says y but "),
        (("kernel-symbol", "A", "n"), ("kernel-symbol", "A", EITHER), "says n but hal_addon (because) says y|m"),
        (("package", "iw", "present"), ("package", "iw", "absent"), "says present but hal_addon (because) says absent"),
        (("service", "x.service", "enabled"), ("service", "x.service", "disabled"), "service x.service: "),
        (("partition", "boot", "1"), ("partition", "boot", "6"), "says 1 but hal_addon (because) says 6"),
        (
            ("kernel-argument", "isolcpus=1"),
            ("kernel-argument", "isolcpus=2"),
            "hal_board says isolcpus=1 but hal_addon",
        ),
        (("kernel-argument", "a-b=1"), ("kernel-argument", "a_b=2"), "hal_board says a-b=1"),
        (("config-txt", "gpu_mem=16"), ("config-txt", "gpu_mem=64"), "hal_board says gpu_mem=16 but hal_addon"),
        (("config-txt", "dtparam=spi=on"), ("config-txt", "dtparam=spi=off"), "dtparam=spi=off"),
        (("udev-rule", "70-x.rules", "a"), ("udev-rule", "70-x.rules", "b"), "says a but hal_addon (because) says b"),
        (("file", "etc/x", "same\nA"), ("file", "etc/x", "same\nB"), "give different content"),
        (("file", "etc/x", b"A"), ("file", "etc/x", b"B"), "give different content"),
        (
            ("file", "usr/lib/udev/rules.d/70-x.rules", "a"),
            ("udev-rule", "70-x.rules", "a"),
            "hal_addon puts udev-rule 70-x.rules there, but hal_board puts file usr/lib/udev",
        ),
        (
            ("boot-file", "EFI/x", "x"),
            ("rendered-file", "boot/efi/X", b""),
            "boot/efi/X: hal_board puts boot-file EFI/x",
        ),
        (("file", "etc/x", ""), ("file", "etc/x/y", ""), "root/etc/x/y: hal_board puts file etc/x there"),
        (("file", "etc/x/y", ""), ("file", "etc/x", ""), "root/etc/x"),
        (("package", "a", "present"), ("firmware-package", "a", "absent"), "says absent but hal_board wants package a"),
        (("firmware-file", "a.bin", "a"), ("firmware-package", "a", "absent"), "hal_board wants firmware-file a.bin"),
        (("config-txt", "[cm4] a=[x] 1"), ("config-txt", "[cm4] a=[x] 2"), "hal_board says [cm4] a=[x] 1"),
        (
            ("splash", "splash/balena-logo.png", b"1"),
            ("boot-file", "splash/balena-logo.png", "logo.png"),
            "boot/splash/",
        ),
    ],
)
def test_disagreement_names_both_and_what_each_said(one: tuple[str, ...], other: tuple[str, ...], told: str) -> None:
    for first, second in permutations((one, other)):
        with pytest.raises(Disagreement) as refused:
            join(from_two(part(*first), part(*second)))
        assert "hal_board" in refused.value.message
        assert "hal_addon" in refused.value.message
        if first is one:
            assert told in refused.value.message
        assert len(refused.value.conflicts) == 1


def test_every_disagreement_is_told_at_once() -> None:
    with pytest.raises(Disagreement) as refused:
        join(
            [
                *from_two(part("kernel-symbol", "A", "y"), part("kernel-symbol", "A", "n")),
                *from_two(part("package", "iw", "present"), part("package", "iw", "absent")),
                *from_two(part("kernel-argument", "mem=1G"), part("kernel-argument", "mem=2G")),
            ]
        )
    assert len(refused.value.conflicts) == 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("kernel-argument", "console=tty0"), ("kernel-argument", "console=ttyS0,115200")),
        (("kernel-argument", "quiet"), ("kernel-argument", "splash")),
        (("config-txt", "dtoverlay=uart3"), ("config-txt", "dtoverlay=uart5")),
        (("config-txt", "dtparam=spi=on"), ("config-txt", "[cm4] dtparam=spi=off")),
        (("config-txt", "dtparam=ant1"), ("config-txt", "dtparam=ant2")),
        (("file", "etc/x", "a"), ("boot-file", "etc/x", "b")),
        (("file", "etc/X", "a"), ("file", "etc/x", "b")),
        (("firmware-package", "a", "present"), ("package", "b", "absent")),
        (("kernel-argument", "video=HDMI-A-1:d"), ("kernel-argument", "video=HDMI-A-2:d")),
        (("config-txt", "gpio=4=op"), ("config-txt", "gpio=5=ip")),
    ],
)
def test_what_may_stand_side_by_side(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert len(join(from_two(part(*one), part(*other)))) == 2


@pytest.mark.parametrize(
    ("demand", "wish", "outcome", "gave_way"),
    [
        ("absent", "present", "absent", True),
        ("present", "absent", "present", True),
        ("present", "present", "present", False),
    ],
)
def test_a_wish_gives_way_and_is_told(demand: str, wish: str, outcome: str, gave_way: bool) -> None:
    both = from_two(part("firmware-package", "a", demand), part("firmware-package", "a", wish, optional=True))
    for given_in_order in permutations(both):
        (joined,) = join(given_in_order)
        assert joined.value == outcome
        assert {each.contributor: each.gave_way for each in joined.asked} == {
            "hal_board": False,
            "hal_addon": gave_way,
        }


def test_wishes_alone_must_agree() -> None:
    (joined,) = join([Contribution("hal_addon", part("package", "a", "present", optional=True))])
    assert (joined.value, joined.asked[0].gave_way) == ("present", False)
    with pytest.raises(Disagreement):
        join(from_two(part("package", "a", "present", optional=True), part("package", "a", "absent", optional=True)))


def test_wishes_beside_a_demand_must_agree_whoever_comes_first() -> None:
    demand = Contribution("hal_board", part("kernel-symbol", "A", EITHER))
    wishes = from_two(part("kernel-symbol", "A", "y", optional=True), part("kernel-symbol", "A", "m", optional=True))
    for given_in_order in permutations((demand, *wishes)):
        with pytest.raises(Disagreement):
            join(given_in_order)


def test_a_file_that_is_only_wished_for_may_lack_its_package() -> None:
    file = part("firmware-file", "a.bin", "a", optional=True)
    assert len(join(from_two(part("firmware-package", "a", "absent"), file))) == 2


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [("file", "etc/state", ""), ("rendered-file", "root/boot/x", b""), ("boot-file", "folder/", "folder")],
)
def test_state_lives_in_the_boot_partition(kind: str, name: str, value: str | bytes) -> None:
    with pytest.raises(ValueError, match="fresh_only is for files of the boot partition alone"):
        part(kind, name, value, fresh_only=True)


def test_a_file_is_for_every_update_or_for_none() -> None:
    with pytest.raises(Disagreement, match="for a new medium only"):
        join(from_two(part("rendered-file", "boot/x", b"", fresh_only=True), part("rendered-file", "boot/x", b"")))


def test_order_is_that_of_asking_within_a_kind() -> None:
    asked = [part("install-target", name) for name in ("nvme0n1", "sda", "mmcblk0")]
    asked.insert(1, part("kernel-symbol", "A", "y"))
    joined = join(Contribution("hal_board", each) for each in [*asked, asked[3]])
    assert [each.name for each in joined] == ["A", "nvme0n1", "sda", "mmcblk0"]


@pytest.mark.parametrize(
    ("given_part", "where"),
    [
        (("file", "etc/x", ""), "root/etc/x"),
        (("udev-rule", "70-x.rules", ""), "root/usr/lib/udev/rules.d/70-x.rules"),
        (("boot-file", "MLO", "MLO"), "boot/MLO"),
        (("rendered-file", "initramfs/init.d/x", b""), "initramfs/init.d/x"),
        (("module", "x"), None),
    ],
)
def test_places(given_part: tuple[str, ...], where: str | None) -> None:
    assert place(part(*given_part)) == where


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["A", "B"]), st.sampled_from(["y", "m", "n", EITHER])),
        max_size=6,
    )
)
def test_the_order_of_plugins_decides_nothing(asked: list[tuple[str, str, str]]) -> None:
    def outcome(given_in_order: list[tuple[str, str, str]]) -> object:
        try:
            joined = join(Contribution(who, part("kernel-symbol", name, value)) for who, name, value in given_in_order)
        except Disagreement:
            return "disagreement"
        return {each.name: each.value for each in joined}

    assert outcome(asked) == outcome(asked[::-1]) == outcome(sorted(asked))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "wanted"),
        (b"abc", "3 bytes"),
        ("y", "y"),
        ("a\nb\n", "a … (4 bytes)"),
        ("x" * 70, f"{'x' * 60} … (70 bytes)"),
    ],
)
def test_values_in_words(value: str | bytes | None, words: str) -> None:
    assert said(value) == words
