"""A bootable disk image out of an `Image` and what an OS build deployed, made without root rights."""

from hal.image.disk.writing import DEFAULT_EPOCH, Written, write

__all__ = ["DEFAULT_EPOCH", "Written", "write"]
