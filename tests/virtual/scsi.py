"""SCSI commands to a drive from outside the kernel: SG_IO, and the eject that `eject` does."""

from __future__ import annotations

import ctypes
import fcntl
import os

SG_IO, CDROM_EJECT, NO_DATA = 0x2285, 0x5309, -1


class _Header(ctypes.Structure):
    """`struct sg_io_hdr` of <scsi/sg.h>."""

    _fields_ = (
        ("interface_id", ctypes.c_int), ("dxfer_direction", ctypes.c_int), ("cmd_len", ctypes.c_ubyte),
        ("mx_sb_len", ctypes.c_ubyte), ("iovec_count", ctypes.c_ushort), ("dxfer_len", ctypes.c_uint),
        ("dxferp", ctypes.c_void_p), ("cmdp", ctypes.c_void_p), ("sbp", ctypes.c_void_p), ("timeout", ctypes.c_uint),
        ("flags", ctypes.c_uint), ("pack_id", ctypes.c_int), ("usr_ptr", ctypes.c_void_p), ("status", ctypes.c_ubyte),
        ("masked_status", ctypes.c_ubyte), ("msg_status", ctypes.c_ubyte), ("sb_len_wr", ctypes.c_ubyte),
        ("host_status", ctypes.c_ushort), ("driver_status", ctypes.c_ushort), ("resid", ctypes.c_int),
        ("duration", ctypes.c_uint), ("info", ctypes.c_uint),
    )  # fmt: skip


def send(node: str, block: bytes, seconds: float = 10.0) -> str:
    """A command without data: `ok`, or what the drive, the transport or the kernel says against it."""
    command, sense = ctypes.create_string_buffer(block, len(block)), ctypes.create_string_buffer(32)
    header = _Header(
        interface_id=ord("S"), dxfer_direction=NO_DATA, cmd_len=len(block), mx_sb_len=len(sense),
        cmdp=ctypes.addressof(command), sbp=ctypes.addressof(sense), timeout=int(seconds * 1000),
    )  # fmt: skip
    drive = os.open(node, os.O_RDWR | os.O_NONBLOCK)
    try:
        fcntl.ioctl(drive, SG_IO, header)
    except OSError as error:
        return str(error.strerror)
    finally:
        os.close(drive)
    if header.host_status:
        return f"host status {header.host_status}"
    if header.status:
        return f"sense {sense.raw[2] & 15:x}/{sense.raw[12]:02x}/{sense.raw[13]:02x}"
    return "ok"


def eject(node: str) -> str:
    """As the program `eject` does it: `ok`, or the kernel's error."""
    drive = os.open(node, os.O_RDONLY | os.O_NONBLOCK)
    try:
        fcntl.ioctl(drive, CDROM_EJECT)
    except OSError as error:
        return str(error.strerror)
    finally:
        os.close(drive)
    return "ok"
