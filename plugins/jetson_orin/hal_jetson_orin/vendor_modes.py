"""The mode tables of NVIDIA's nvpmodel files, for generated trees only: no device reads this.

Facts: the vendor's files for each module as shipped with L4T R35/R36 (dossier section 1.3), and the default each balena
image sets. The files themselves are generated here, in their grammar. Clocks: CPU in kHz, GPU and EMC in MHz; `None` is
uncapped. `p3701_0008` is known by the names of its modes alone.
"""

from __future__ import annotations

from attrs import frozen

from hal.record import Record


@frozen(repr=False, eq=False)
class VendorMode(Record):
    """A row of a mode table."""

    id: int
    name: str
    cores: int
    cpu_khz: int | None = None
    gpu_mhz: int | None = None
    emc_mhz: int | None = None
    tpc_mask: int = 0


@frozen(kw_only=True, repr=False, eq=False)
class VendorTable(Record):
    """The modes of one module's file: `cpus` in all, and the core numbers whose clock a mode caps."""

    cpus: int
    clocks_per: int
    """Cores that share one CPU_A78 entry: 4 in files with clusters, 1 in the `super` files."""
    modes: tuple[VendorMode, ...]


P3701_0000 = VendorTable(
    cpus=12,
    clocks_per=4,
    modes=(
        VendorMode(0, "MAXN", 12),
        VendorMode(1, "MODE_15W", 4, 1113600, 408, 2133, 248),
        VendorMode(2, "MODE_30W", 8, 1728000, 612, None, 240),
        VendorMode(3, "MODE_50W", 12, 1497600, 816, None, 0),
    ),
)
P3701_0008 = VendorTable(
    cpus=12,
    clocks_per=4,
    modes=(VendorMode(0, "MAXN", 12), VendorMode(1, "MODE_15W", 4), VendorMode(3, "MODE_60W", 12)),
)
P3767_0000 = VendorTable(
    cpus=8,
    clocks_per=4,
    modes=(
        VendorMode(0, "MAXN", 8, tpc_mask=240),
        VendorMode(1, "10W", 4, 1190400, 612, 2133, 252),
        VendorMode(2, "15W", 4, 1651200, 612, None, 252),
        VendorMode(3, "25W", 8, 1497600, 408, None, 240),
    ),
)
P3767_0000_SUPER = VendorTable(
    cpus=8,
    clocks_per=1,
    modes=(
        VendorMode(0, "MAXN_SUPER", 8, tpc_mask=240),
        VendorMode(1, "10W", 4, 1190400, 612, 2133, 252),
        VendorMode(2, "15W", 4, 1420800, 612, None, 252),
        VendorMode(3, "25W", 8, 1497600, 408, None, 240),
        VendorMode(4, "40W", 8, 1497600, 1173, None, 240),
    ),
)
P3767_0003_SUPER = VendorTable(
    cpus=6,
    clocks_per=1,
    modes=(
        VendorMode(0, "15W", 6, 1497600, 612, 2133),
        VendorMode(1, "25W", 6, 1344000, 918, 3199),
        VendorMode(2, "MAXN_SUPER", 6),
    ),
)
P3767_0004 = VendorTable(
    cpus=6,
    clocks_per=4,
    modes=(
        VendorMode(0, "10W", 6, tpc_mask=252),
        VendorMode(1, "7W_AI", 4, 806400, 408),
        VendorMode(2, "7W_CPU", 4, 960000, 306),
    ),
)
P3767_0004_SUPER = VendorTable(
    cpus=6,
    clocks_per=1,
    modes=(
        VendorMode(0, "10W", 6, 1497600, 612, 2133),
        VendorMode(1, "25W", 6, 1728000, 1020, 3199),
        VendorMode(2, "MAXN_SUPER", 6),
    ),
)

SHIPPED: dict[str, tuple[VendorTable, int]] = {
    "jetson-agx-orin-devkit": (P3701_0000, 2),
    "jetson-agx-orin-devkit-64gb": (P3701_0000, 2),
    "jetson-agx-orin-industrial": (P3701_0008, 0),
    "jetson-orin-nx-xavier-nx-devkit": (P3767_0000_SUPER, 2),
    "jetson-orin-nx-seeed-j4012": (P3767_0000_SUPER, 2),
    "jetson-orin-nano-devkit-nvme": (P3767_0003_SUPER, 0),
    "jetson-orin-nano-seeed-j3010": (P3767_0004_SUPER, 0),
    "forecr-dsb-ornx-orin-nano-8gb": (P3767_0003_SUPER, 0),
    "forecr-dsb-ornx-lan-orin-nano-4gb": (P3767_0004, 0),
    "forecr-dsb-ornx-lan-orin-nx-16gb": (P3767_0000, 2),
}
"""The file and the default mode in each image. Those of the last two, and of the industrial module, are not
confirmed."""


def nvpmodel_conf(table: VendorTable, default: int) -> str:
    """The file, in the vendor's grammar, with its irregular white space."""
    lines = [
        "# Generated for a tree: the mode table of a Jetson Orin module.",
        "# Format: < PARAM TYPE= NAME= >, < POWER_MODEL ID= NAME= >, < PM_CONFIG DEFAULT=default_mode >",
    ]
    lines.append("<PARAM TYPE=FILE NAME=CPU_ONLINE >")
    lines += [f"CORE_{n} /sys/devices/system/cpu/cpu{n}/online" for n in range(table.cpus)]
    masters = range(0, table.cpus, table.clocks_per)
    for index, cpu in enumerate(masters):
        lines.append(f"< PARAM TYPE=CLOCK NAME=CPU_A78_{index} >")
        lines += [f"{a}_FREQ /sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_{a.lower()}_freq" for a in ("MIN", "MAX")]
    gpu = "/sys/devices/17000000.ga10b/devfreq/17000000.ga10b"
    lines.append("<PARAM TYPE=CLOCK NAME=GPU>")
    for argument in ("MIN_FREQ", "MAX_FREQ"):
        lines.append(f"{argument} {gpu}/{argument.lower()}")
        lines.append(f"{argument}_KNEXT /sys/devices/platform/17000000.gpu/devfreq_dev/{argument.lower()}")
    lines += ["< PARAM TYPE=CLOCK NAME=EMC >", "MAX_FREQ /sys/kernel/nvpmodel_emc_cap/emc_iso_cap"]
    lines.append("MAX_FREQ_KNEXT /sys/kernel/nvpmodel_clk_cap/emc")
    lines += ["< PARAM TYPE=FILE NAME=TPC_POWER_GATING >", "TPC_PG_MASK /sys/devices/gpu.0/tpc_pg_mask", ""]
    for mode in table.modes:
        lines.append(f"< POWER_MODEL ID={mode.id} NAME={mode.name} >")
        lines += [f"CPU_ONLINE CORE_{n} {int(n < mode.cores)}" for n in range(table.cpus)]
        lines.append(f"TPC_POWER_GATING TPC_PG_MASK {mode.tpc_mask}")
        for index, _ in enumerate(masters):
            lines += [f"CPU_A78_{index} MIN_FREQ 729600", f"CPU_A78_{index} MAX_FREQ {mode.cpu_khz or -1}"]
        lines += ["GPU MIN_FREQ 0", f"GPU MAX_FREQ {mode.gpu_mhz * 1000000 if mode.gpu_mhz else -1}"]
        lines += [f"EMC MAX_FREQ {mode.emc_mhz * 1000000 if mode.emc_mhz else 0}", ""]
    lines.append("# the mode that nvpmodel starts with")
    lines.append(f"< PM_CONFIG DEFAULT={default} >")
    return "\n".join(lines) + "\n"
