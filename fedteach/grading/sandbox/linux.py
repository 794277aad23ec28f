"""The few calls of Linux that Python has no words for, and what they take."""

import ctypes
import errno
import os
from functools import cache

NEWNS, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 1 << 18
_STAYS = {0x0001: MS_RDONLY, 0x0002: MS_NOSUID, 0x0004: MS_NODEV, 0x0008: MS_NOEXEC, 0x0400: 1024, 0x0800: 2048}
"""Flags of a mount as `statvfs` tells them, and as `mount` takes them. Who remounts must not drop any."""
_MNT_DETACH = 2

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 36, 38
_CAPABILITY_VERSION_3 = 0x20080522
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
_SYS_KEYCTL = {"x86_64": 250, "aarch64": 219, "riscv64": 219, "ppc64le": 271, "s390x": 280}
_KEYCTL_JOIN_SESSION_KEYRING = 1


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _must(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave the namespaces that the flags name for new ones."""
    _must(_libc().unshare(flags), "unshare")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount something."""
    arguments = (source.encode(), target.encode(), kind.encode() or None, ctypes.c_ulong(flags), options.encode())
    _must(_libc().mount(*arguments), f"mount {kind or source} on {target}")


def bind(source: str, target: str, *, flags: int = MS_RDONLY | MS_NOSUID | MS_NODEV) -> None:
    """Show a file or folder at another place too, there with fewer rights."""
    mount(source, target, flags=MS_BIND)
    kept = os.statvfs(target).f_flag
    for told, taken in _STAYS.items():
        flags |= taken if kept & told else 0
    mount("none", target, flags=MS_REMOUNT | MS_BIND | flags)


def change_root(new: str) -> None:
    """Make a folder, which must be a mount, the root of everything; what was outside is out of reach then."""
    os.makedirs(f"{new}/.outside")
    os.chdir(new)
    number = _SYS_PIVOT_ROOT[os.uname().machine]
    _must(_libc().syscall(number, b".", b".outside"), "pivot_root")
    os.chdir("/")
    _must(_libc().umount2(b"/.outside", _MNT_DETACH), "umount")
    os.rmdir("/.outside")


def die_with_parent() -> None:
    """Ask to be killed when the process that forked this one ends."""
    _must(_libc().prctl(_PR_SET_PDEATHSIG, 9), "PR_SET_PDEATHSIG")


def cannot_be_looked_into() -> None:
    """Forbid others of the same user to read this process' memory, or to trace it."""
    _must(_libc().prctl(_PR_SET_DUMPABLE, 0), "PR_SET_DUMPABLE")


def no_new_privileges() -> None:
    """Give up every capability for good, and every way to get one."""
    _must(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
    for capability in range(64):
        if _libc().prctl(_PR_CAPBSET_DROP, capability) != 0:
            break  # there are no more, or this process has none to drop
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _must(_libc().capset(header, (ctypes.c_uint32 * 6)()), "capset")


def own_keyring() -> None:
    """Put down the session's ring of keys, which is inherited, for a new and empty one.

    Where the kernel has no keys, or lets nobody have any, as in many containers, there is nothing to put down.
    """
    call = _SYS_KEYCTL.get(os.uname().machine)
    if call is not None and _libc().syscall(call, _KEYCTL_JOIN_SESSION_KEYRING, None) < 0:
        number = ctypes.get_errno()
        if number not in (errno.ENOSYS, errno.EPERM, errno.EACCES):
            raise OSError(number, f"keyctl: {os.strerror(number)}")


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none gets away."""
    _must(_libc().prctl(_PR_SET_CHILD_SUBREAPER, 1), "PR_SET_CHILD_SUBREAPER")
