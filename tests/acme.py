"""The Acme gateway: a board of none of the project's plugins, and the plugin that its tests install for it."""

from __future__ import annotations

from hal.device import Device
from hal.document import capabilities
from hal.model import Build
from hal.plugins import ALL, FIRST, Catalog, Scope
from hal.root import Root

HOOKS = (*FIRST, *ALL)
CAPABILITIES = [hook for hook in HOOKS if hook != "hal_device_types"]

HEAD = """
from hal import hookimpl
from hal.model import Board, DeviceType, HealthCheck, Problem, RtcState, Unsupported
"""
TABLE = f"""{HEAD}
@hookimpl
def hal_device_types():
    board = Board(name="Acme Gateway", compatible=("acme,gateway",))
    return (DeviceType(slug="acme-gateway", name="Acme Gateway", boards=(board,)),)
"""
CLOCK = """
class AcmeClock:
    def __init__(self, name): self.name = name
    def node(self): return None
    def absence(self): return "not fitted"
    def state(self): return RtcState(name=self.name, absence="not fitted")
    def read(self): raise NotImplementedError
    def preview(self, wanted): raise NotImplementedError
    def set(self, wanted): raise NotImplementedError
"""
"""A clock that a plugin brings along."""
ANNOUNCED = ("slug:acme-gateway", "of:N*T*Cacme,*")
USB = "usb:v12D1p14FEd0102dc00dsc00dp00ic08isc06ip50in00"


def plug_in(root: Root, modalias: str = USB, name: str = "1-1:1.0") -> None:
    """A USB interface, as sysfs shows it."""
    folder = root.directory / "sys/bus/usb/devices" / name
    folder.mkdir(parents=True)
    (folder / "modalias").write_text(f"{modalias}\n")


def told(catalog: Catalog, plugin: str) -> list[str]:
    """What is wrong with one plugin; each problem must say what to do."""
    problems = [problem for problem in (*catalog.problems, *catalog.conflicts()) if plugin in problem.plugin]
    assert all(problem.advice for problem in problems)
    return [problem.message for problem in problems]


def ask_everything(device: Device) -> dict[str, object]:
    """Every capability of a device, as far as a caller would go."""
    answer: dict[str, object] = capabilities(device)
    device.plan({"os": {"power": {"mode": "high"}, "fan": {"profile": "cool"}}})
    Scope(device._catalog, device.plugins).joined(
        "hal_image", ALL["hal_image"], device_type=device.device_type, build=Build()
    )
    return answer


def rows(*slugs: str, more: str = "") -> str:
    made = "".join(f"DeviceType(slug={slug!r}, name='', {more})," for slug in slugs)
    return f"{HEAD}@hookimpl\ndef hal_device_types(): return ({made})\n"
