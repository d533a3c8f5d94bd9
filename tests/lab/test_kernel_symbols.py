"""The symbols of every image, set in the kernel's own Kconfig: each is there, and gets the wanted value."""

from __future__ import annotations

import json
from collections.abc import Callable

import kernel_symbols as symbols
import pytest

from lab import kconfig


@pytest.mark.full
def test_every_symbol_exists_and_its_dependencies_hold(figures: Callable[..., None]) -> None:
    """One after the other, for each architecture's Kconfig takes a quarter of a minute to read."""
    wrong: dict[str, str] = {}
    count = tried = 0
    outside = symbols.outside()
    for kernel in symbols.kernels():
        known = kconfig.names(kernel.arch)
        wanted = {part.name: str(part.value) for part in kernel.wanted if part.name in known}
        for name in {part.name for part in kernel.wanted} - set(wanted) - outside:
            wrong[f"{kernel.arch} {name}"] = f"not in Linux 6.1 ({', '.join(kernel.slugs)})"
        may = {part.name for part in kernel.wanted if symbols.free(part)}
        for name, (value, why) in kconfig.outcome(kernel.arch, wanted, symbols.BESIDES.get(kernel.arch, ())).items():
            if name not in symbols.SELECTED and not (name in may and value in ("y", "m")):
                wrong[f"{kernel.arch} {name}"] = f"{wanted[name]} became {value}: {why} ({', '.join(kernel.slugs)})"
        count, tried = count + 1, tried + len(wanted)
    assert not wrong, "\n".join(f"{name}: {told}" for name, told in sorted(wrong.items()))
    figures("kernel-symbols", cases=count, found=tried, wrong=0)


@pytest.mark.full
def test_the_record_is_what_the_kernel_has() -> None:
    """The record is written anew where it differs, and the test fails once: a look at the change is wanted."""
    found = {arch: sorted(set(names) & kconfig.names(arch)) for arch, names in symbols.used().items()}
    missing = {
        name for names in symbols.used().values() for name in names if not any(name in each for each in found.values())
    }
    assert symbols.outside() == missing, "Linux 6.1 lacks others than the list says"
    if found != symbols.recorded():
        symbols.RECORD.write_text(json.dumps(found, indent=1) + "\n")
        pytest.fail(f"{symbols.RECORD.name} was out of step, and has been written anew")


@pytest.mark.full
@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"USB_NET_QMI_WWAN": "m", "USB_USBNET": "n"}, {"USB_NET_QMI_WWAN": "n"}),
        ({"HAVE_DEBUG_KMEMLEAK": "n"}, {"HAVE_DEBUG_KMEMLEAK": "y"}),
        ({"IXGBE": "m"}, {}),
        ({"NR_CPUS": "12"}, {}),
        ({"EFI": "m"}, {"EFI": "y"}),
    ],
)
def test_a_symbol_that_cannot_be_set_is_told(wanted: dict[str, str], told: dict[str, str]) -> None:
    found = kconfig.outcome("amd64", wanted)
    assert {name: value for name, (value, _) in found.items()} == told
