"""Understands how to become another account: `as_account.py open|shut UID GID command…`.

Runs alone, with the standard library only. With `shut` folders on the way, the new process keeps one
capability: to look past the rights of folders (CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE where a
container grants only that).
"""

from __future__ import annotations

import ctypes
import os
import sys

VERSION_3 = 0x20080522  # of the kernel's capability structures
SECUREBITS, AMBIENT, RAISE = 28, 47, 2  # prctl
NO_SETUID_FIXUP = 1 << 2  # access(2) then counts the capability too; PostgreSQL asks it about its own programs
OVERRIDE, READ_SEARCH = 1, 2  # capability numbers
_libc = ctypes.CDLL(None, use_errno=True)


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class _Sets(ctypes.Structure):
    _fields_ = [("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32)]


def main(way: str, uid: int, gid: int, argv: list[str]) -> None:
    """Never returns: the command takes this process's place."""
    if way == "shut":
        _call(_libc.prctl(SECUREBITS, NO_SETUID_FIXUP, 0, 0, 0))
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if way == "shut":
        _keep_one()
    os.execv(argv[0], argv)  # noqa: S606


def _keep_one() -> None:
    """Drops every capability but the one, which then also passes through exec."""
    header, sets, only = _Header(VERSION_3, 0), (_Sets * 2)(), (_Sets * 2)()
    _call(_libc.capget(ctypes.byref(header), sets))
    capability = READ_SEARCH if sets[0].permitted & 1 << READ_SEARCH else OVERRIDE
    only[0] = _Sets(1 << capability, 1 << capability, 1 << capability)
    _call(_libc.capset(ctypes.byref(header), only))
    _call(_libc.prctl(AMBIENT, RAISE, capability, 0, 0))


def _call(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
