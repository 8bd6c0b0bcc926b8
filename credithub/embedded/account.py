"""Understands as which system account PostgreSQL runs, for its programs refuse to be started by root."""

from __future__ import annotations

import os
import pwd
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from credithub.errors import ConfigurationError

LAUNCHER = Path(__file__).with_name("as_account.py")
PREFERRED = ("nobody",)
SEARCH = 0o001  # others may pass through


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Another uid to run as; `closed` when it must pass folders that are shut to others."""

    uid: int
    gid: int
    closed: tuple[Path, ...] = ()

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command behind a launcher that changes the account; only through shut folders it keeps a right."""
        way = "shut" if self.closed else "open"
        return [sys.executable, "-I", "-S", str(LAUNCHER), way, str(self.uid), str(self.gid), *argv]

    def own(self, folder: Path) -> None:
        """Makes the folder and what is in it belong to the account, shut to all others."""
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)
        folder.chmod(0o700)


def needed(paths: Sequence[Path]) -> Account | None:
    """None unless we are root. `paths` are the folders the account must reach."""
    if os.geteuid() != 0:
        return None
    entry = _choose()
    closed = tuple(sorted({shut for path in paths for shut in _shut(path)}))
    if closed and not _may_pass():
        raise ConfigurationError(
            f"PostgreSQL 不能以 root 运行，而账户 {entry.pw_name} 进不了 {closed[0]}"
            f" / PostgreSQL refuses root, and account {entry.pw_name} cannot pass {closed[0]}"
            f"\n  chmod o+x {closed[0]}    或用别的目录 / or use another folder: credithub up --data /var/lib/credithub"
        )
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, closed=closed)


def _choose() -> pwd.struct_passwd:
    """initdb asks for an account that has a name, so any named one but root."""
    named = {entry.pw_name: entry for entry in pwd.getpwall() if entry.pw_uid != 0}
    for name in (*PREFERRED, *sorted(named)):
        if name in named:
            return named[name]
    raise ConfigurationError(
        "PostgreSQL 不能以 root 运行，系统又没有其他账户 / PostgreSQL refuses root and there is no other account"
        "\n  useradd --system credithub"
    )


def _shut(path: Path) -> list[Path]:
    return [parent for parent in path.absolute().parents if parent.exists() and not parent.stat().st_mode & SEARCH]


def _may_pass() -> bool:
    """True when root here holds the capability to pass any folder (a container may lack it)."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    held = int(next(line.split()[1] for line in text.splitlines() if line.startswith("CapPrm")), 16)
    return bool(held & (1 << 1 | 1 << 2)) and bool(held & 1 << 8)  # DAC_OVERRIDE, DAC_READ_SEARCH; SETPCAP
