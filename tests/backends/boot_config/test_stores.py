"""Every store: what was set is read, the rest is kept, one write, a lock with an end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from backends.boot_config.stores import EXTLINUX, JSON, PC, UENV, put, uenv, version
from hypothesis import given
from hypothesis import strategies as st

from hal.backends.boot_config import base
from hal.backends.boot_config.base import Store
from hal.backends.boot_config.configfs import ConfigFs
from hal.backends.boot_config.extlinux import Extlinux
from hal.backends.boot_config.extra_uenv import L4T_LAUNCHER, U_BOOT, ExtraUEnv
from hal.backends.boot_config.grub_extraenv import GrubExtraEnv
from hal.backends.boot_config.uenv_txt import UEnv
from hal.backends.bootloader.lock import LOCKS
from hal.errors import FileFault, HalError
from hal.root import Root

STORES: dict[str, tuple[Callable[[Root], Store], dict[str, str | None]]] = {
    "extra_uEnv.txt": (lambda root: ExtraUEnv(root, UENV, U_BOOT), {"fdt": "a.dtb", "isolcpus": "1-3"}),
    "of Orin": (lambda root: ExtraUEnv(root, UENV, L4T_LAUNCHER), {"extra_os_cmdline": "a b=1", "fdt": None}),
    "extlinux.conf": (lambda root: Extlinux(root, EXTLINUX), {"fdt": "a.dtb", "isolcpus": "1"}),
    "configfs.json": (lambda root: ConfigFs(root, JSON), {"ssdt": '"a","b"'}),
    "grub_extraenv": (lambda root: GrubExtraEnv(PC, root), {"extra_os_cmdline": "a b=1"}),
    "uEnv.txt": (lambda root: UEnv(root, "mnt/boot/uEnv.txt"), {"dtb": "a", "enable_uboot_overlays": None}),
}  # fmt: skip
TEXTS = st.one_of(
    st.binary(max_size=120),
    st.lists(
        st.sampled_from(
            [
                b"#c\n", b"\n", b"a=1\n", b"=x\n", b"\0", b"custom_fdt_file=o\n", b"custom_fdt_file=o\r\n",
                b"x\\\ny=1\n",
                b"extra_os_cmdline=isolcpus=1 b\n", b"extra_os_cmdline=\n", b"dtb=q\n",
                b"\0custom_fdt_file=o", b"\\", b"DEFAULT a\n", b"LABEL a\n",
                b"  FDT x\n", b"APPEND ro isolcpus=2\n", b"LABEL b\n", b"# GRUB Environment Block\n", b"####",
                b'{"ssdt":["x"]}', b"enable_uboot_overlays=1\n",
            ]
        ),
        max_size=8,
    ).map(b"".join),
    st.lists(st.sampled_from([b"extra_os_cmdline=x\n", b"a=\\\n\n", b"##", b"b\n"]), max_size=5).map(
        lambda lines: (b"# GRUB Environment Block\n" + b"".join(lines)).ljust(1024, b"#")
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def old_os(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Root]:
    found = {}
    for text in ("2.46.0", "6.0.0"):
        folder = tmp_path_factory.mktemp("os")
        for name in ("etc", "mnt/boot/extlinux", "mnt/boot/grub"):
            (folder / name).mkdir(parents=True)
        (folder / EXTLINUX).write_bytes(b"")
        found[text] = Root(folder)
        version(found[text], text)
    return found


@pytest.mark.parametrize("name", STORES)
@given(data=TEXTS)
def test_what_was_set_is_read_and_setting_it_again_changes_nothing(
    name: str, old_os: dict[str, Root], data: bytes
) -> None:
    make, wanted = STORES[name]
    store = make(old_os["2.46.0" if name == "extlinux.conf" else "6.0.0"])
    try:
        before = store.values(data)
        kept = [each.text.replace("\\x00", "") for each in store.rest(data)]  # a NUL at the end stays at the end
        decision = store.decide(data, wanted)
    except HalError:
        return
    after = store.values(decision.data)
    for key, value in wanted.items():
        assert after.get(key) == value
    others = {key: value.removesuffix("\r") for key, value in before.items() if key not in wanted}
    assert {key: value.removesuffix("\r") for key, value in after.items() if key not in wanted} == others
    assert store.decide(decision.data, wanted).changes == ()
    assert [each.text.replace("\\x00", "") for each in store.rest(decision.data)] == kept
    if not decision.changes:
        assert decision.data == data


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_that_is_held_ends_in_a_clear_error(lock: str, root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, LOCKS[1], b"")
    store = uenv(root, b"x=1\n")
    monkeypatch.setattr(base, "_LOCK_SECONDS", 0.05)
    with root.lock(lock, timeout_seconds=5), pytest.raises(FileFault, match=f"{lock}: locked by another process"):
        store.set({"fdt": "a"})
    assert root.read_bytes(UENV) == b"x=1\n"
    store.set({"fdt": "a"})


def test_two_keys_of_one_store_are_one_write(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bytes] = []
    replace = Root.replace

    def count(self: Root, name: str, data: bytes, *, mode: int | None = None) -> None:
        seen.append(data)
        replace(self, name, data, mode=mode)

    monkeypatch.setattr(Root, "replace", count)
    uenv(root).set({"fdt": "a", "isolcpus": "1"})
    assert len(seen) == 1
