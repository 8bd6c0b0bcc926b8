"""Understands which port a part listens on and who holds one that is taken."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"
LEAST = 10_000
PASSING = Path("/proc/sys/net/ipv4/ip_local_port_range")  # from which the system takes ports of outgoing connections
USUALLY_PASSING = 32_768
TRIES = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The port taken, and, where the usual one was not free, who has that."""

    port: int
    usual: int
    holder: str = ""

    @property
    def moved(self) -> bool:
        return self.usual not in (0, self.port)


def free(port: int, host: str = LOOPBACK) -> bool:
    """True when nobody listens there; a connection still closing does not count."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def listening(port: int, host: str = LOOPBACK) -> bool:
    """True when a connection to it is taken."""
    try:
        with socket.create_connection((host, port), 0.5):
            return True
    except OSError:
        return False


def any_free(host: str = LOOPBACK, avoid: Iterable[int] = ()) -> int:
    """A free port outside `avoid`, and where there is one outside those of outgoing connections.

    A server that is started again wants its port back; an outgoing connection that got it meanwhile may live long.
    """
    taken = set(avoid)
    for _ in range(TRIES):
        port = random.randrange(LEAST, max(_first_passing(), LEAST + 1))
        if port not in taken and free(port, host):
            return port
    while True:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port


def _first_passing() -> int:
    try:
        return int(PASSING.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return USUALLY_PASSING


def choose(usual: int, host: str = LOOPBACK, avoid: Iterable[int] = ()) -> Choice:
    """The usual port, else one of the hundred after it, else any. Zero as usual: any."""
    taken = set(avoid)
    if usual == 0:
        return Choice(port=any_free(host, taken), usual=0)
    if usual not in taken and free(usual, host):
        return Choice(port=usual, usual=usual)
    near = (port for port in range(usual + 1, min(usual + 101, 65_536)) if port not in taken and free(port, host))
    port = next(near, 0) or any_free(host, taken)
    return Choice(port=port, usual=usual, holder=holder(usual))


def holder(port: int) -> str:
    """`name(pid 123)` of whoever listens on the port; empty when the system does not tell."""
    try:
        listening = [c for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    except psutil.AccessDenied:
        return ""
    for connection in listening:
        if connection.laddr and connection.laddr[1] == port and connection.pid:
            return _named(connection.pid)
    return ""


def _named(pid: int) -> str:
    try:
        return f"{psutil.Process(pid).name()}(pid {pid})"
    except psutil.Error:
        return f"pid {pid}"
