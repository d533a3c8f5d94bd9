"""What the flags of a build put into every board's image.

Source: meta-balena 8.0.2 classes/kernel-balena.bbclass.
"""

from __future__ import annotations

from collections.abc import Iterator

from hal.image.boot_files.facts import SECURE_BOOT
from hal.model import PRESENT, Build, DeviceType, ImagePart, PartKind, StorageDriver

STORAGE: dict[StorageDriver, tuple[str, ...]] = {
    StorageDriver.AUFS: ("AUFS_FS", "AUFS_XATTR"),
    StorageDriver.OVERLAY2: ("OVERLAY_FS",),
}
"""Kernel symbols of each storage driver of the engine."""

SIGNED: tuple[tuple[str, str, str], ...] = (
    ("INTEGRITY_SIGNATURE", "y", "signatures can be checked"),
    ("INTEGRITY_ASYMMETRIC_KEYS", "y", "signatures can be checked with public keys"),
    ("INTEGRITY_PLATFORM_KEYRING", "y", "the firmware's keys are trusted"),
    ("SYSTEM_BLACKLIST_KEYRING", "y", "keys can be withdrawn"),
    ("MODULE_SIG", "y", "modules are signed"),
    ("MODULE_SIG_ALL", "y", "modules are signed"),
    ("MODULE_SIG_SHA512", "y", "the hash that modules are signed with"),
    ("SECURITY_LOCKDOWN_LSM", "y", "lockdown= needs it"),
    ("SECURITY_LOCKDOWN_LSM_EARLY", "y", "lockdown holds before the first program runs"),
    ("SYSTEM_TRUSTED_KEYS", '"certs/kmod.crt"', "the key that modules are signed with"),
)
EFI_SIGNED: tuple[tuple[str, str, str], ...] = (
    ("LOAD_UEFI_KEYS", "y", "keys come from the firmware"),
    ("KEXEC", "y", "the balena bootloader starts the kernel of the slot by kexec"),
    ("KEXEC_FILE", "y", "kexec can check what it starts"),
    ("KEXEC_SIG", "y", "kexec checks signatures"),
    ("KEXEC_SIG_FORCE", "y", "kexec refuses a kernel without one"),
    ("PKCS7_MESSAGE_PARSER", "y", "the signature's own format is read by it"),
    ("SIGNED_PE_FILE_VERIFICATION", "y", "the kernel is an EFI program, and its signature is inside"),
    ("KEXEC_BZIMAGE_VERIFY_SIG", "y", "the signature is in the kernel image"),
)
"""Kernel symbols of secure boot: name, value, reason; the second table where the firmware is EFI."""

NEEDS: tuple[tuple[str, str], ...] = (
    ("signed-boot-files", "the bootloader, its configuration and the kernel are signed with keys the firmware trusts"),
    ("signed-modules", "kernel modules are signed with the key in certs/kmod.crt"),
    ("encrypted-disk", "root, state and data partitions are unlocked by a key that only this machine releases"),
)


def parts(row: DeviceType, build: Build) -> Iterator[ImagePart]:
    """The parts that follow from the flags, each with the flag as its reason."""
    for symbol in STORAGE[build.balena_storage]:
        yield ImagePart(
            kind=PartKind.KERNEL_SYMBOL, name=symbol, value="y", reason=f"BALENA_STORAGE={build.balena_storage}"
        )
    for package in build.network_manager_packages:
        yield ImagePart(kind=PartKind.PACKAGE, name=package, value=PRESENT, reason="NETWORK_MANAGER_PACKAGES")
    if build.secure_boot:
        for argument in SECURE_BOOT:
            yield ImagePart(kind=PartKind.KERNEL_ARGUMENT, name=argument, reason="secure boot")
        for name, value, why in (*SIGNED, *(EFI_SIGNED if "efi" in row.firmware else ())):
            yield ImagePart(kind=PartKind.KERNEL_SYMBOL, name=name, value=value, reason=f"secure boot: {why}")
        for name, words in NEEDS:
            yield ImagePart(kind=PartKind.SECURE_BOOT, name=name, value=words, reason="secure boot")
