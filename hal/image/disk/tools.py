"""The programs that make file systems and partition tables, run the same way for everybody: no clock, no locale, no
configuration of the machine, and a deadline.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from hal.errors import ProgramFault
from hal.program import Completed
from hal.record import Record
from hal.root import Root

PACKAGES: Mapping[str, str] = {
    "sfdisk": "fdisk",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "mmd": "mtools",
    "mke2fs": "e2fsprogs",
    "debugfs": "e2fsprogs",
    "tune2fs": "e2fsprogs",
}
"""Each program, and the Debian package that has it."""
SECONDS = 600.0
"""No single program takes longer, however slow the disk."""
MKE2FS_CONF = "mke2fs.conf"
FEATURES = "sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr"
EXT4_FEATURES = "has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize"
CONFIGURATION = f"""[defaults]
\tbase_features = {FEATURES}
\tdefault_mntopts = acl,user_xattr
\tenable_periodic_fsck = 0
\tblocksize = 4096
\tinode_size = 256
\tinode_ratio = 16384
[fs_types]
\text4 = {{
\t\tfeatures = {EXT4_FEATURES}
\t}}
"""
"""What mke2fs makes when it is told nothing: the features that every bootloader here reads, on whatever machine.

Newer releases of e2fsprogs add `metadata_csum_seed` and `orphan_file`, which older GRUB and U-Boot refuse.
"""


def missing() -> tuple[str, ...]:
    """The programs of a look at this machine that are not there, each with its package, as in `mcopy (mtools)`."""
    from hal.program import on_this_machine

    return tuple(f"{name} ({package})" for name, package in PACKAGES.items() if on_this_machine(name) is None)


def check() -> None:
    """Raises `ProgramFault` naming every program that is missing and the package that has it."""
    if gone := missing():
        packages = " ".join(dict.fromkeys(each.partition("(")[2].rstrip(")") for each in gone))
        raise ProgramFault(f"not installed: {', '.join(gone)}; on Debian: apt-get install {packages}", path=gone[0])


def environment(epoch: int) -> dict[str, str]:
    """What every program is given: one time for everything, and the configuration of `CONFIGURATION`."""
    return {
        "TZ": "UTC",
        "SOURCE_DATE_EPOCH": str(epoch),
        "E2FSPROGS_FAKE_TIME": str(epoch),
        "MTOOLS_SKIP_CHECK": "1",
        "MTOOLSRC": "/dev/null",
        "MKE2FS_CONFIG": MKE2FS_CONF,
    }


@frozen(kw_only=True, repr=False, eq=False)
class Tools(Record):
    """Runs programs in a folder, `root`, whose files they are given by name."""

    root: Root
    epoch: int

    def run(self, *words: str, stdin: bytes = b"", may_fail: bool = False) -> Completed:
        """Raises `ProgramFault` with what the program said."""
        done = self.root.run(
            words,
            timeout_seconds=SECONDS,
            check=False,
            host=True,
            stdin=stdin,
            environment=environment(self.epoch),
        )
        if done.status and not may_fail:
            said = " ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
            how = f"was stopped by signal {-done.status}" if done.status < 0 else f"ended with {done.status}"
            raise ProgramFault(f"{words[0]}: {how}: {said or 'it said nothing'}", path=words[0])
        return done
