"""Understands what a running hub leaves on disk so that other commands find it: state.json and context.toml."""

from __future__ import annotations

import fcntl
import json
import os
import tomllib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from credithub.embedded.passwords import private
from credithub.embedded.processes import Running
from credithub.errors import CreditHubError

STATE, CONTEXT, LOCK, PORTS = "state.json", "context.toml", "lock", "ports.json"
ORDER = ("gateway", "ingest", "matcher", "notifier", "kafka", "postgres")  # in which they are stopped


class AlreadyRunningError(CreditHubError):
    """Another process keeps this data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Who supervises, what runs, where."""

    supervisor: Running
    url: str
    ready: bool
    ports: Mapping[str, int]
    processes: Mapping[str, Running]

    def write(self, data: Path) -> None:
        content = {
            "supervisor": _running(self.supervisor),
            "url": self.url,
            "ready": self.ready,
            "ports": dict(self.ports),
            "processes": {name: _running(running) for name, running in self.processes.items()},
        }
        private(data / STATE, json.dumps(content, indent=1))

    @staticmethod
    def read(data: Path) -> State | None:
        """None where nothing was started, or nothing is left of it."""
        try:
            content = json.loads((data / STATE).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return State(
            supervisor=Running(**content["supervisor"]),
            url=content["url"],
            ready=content["ready"],
            ports=content["ports"],
            processes={name: Running(**running) for name, running in content["processes"].items()},
        )

    def alive(self) -> bool:
        return self.supervisor.alive()

    def clear_up(self, timeout: float = 15) -> list[str]:
        """Stops what a dead supervisor left behind; says what there was."""
        left = [name for name in ORDER if name in self.processes and self.processes[name].alive()]
        for name in left:
            self.processes[name].stop(timeout)
        return left


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the command line needs to speak to a hub: its address and an operator's key."""

    url: str
    key: str
    kafka: str = ""
    ca: str = ""

    def write(self, data: Path) -> None:
        lines = (f"{name} = {json.dumps(getattr(self, name))}" for name in ("url", "key", "kafka", "ca"))
        private(data / CONTEXT, "\n".join(lines) + "\n")

    @staticmethod
    def read(data: Path) -> Context | None:
        try:
            content = tomllib.loads((data / CONTEXT).read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError):
            return None
        return Context(**{name: str(content.get(name, "")) for name in ("url", "key", "kafka", "ca")})


@contextmanager
def alone(data: Path) -> Generator[None]:
    """Holds the data folder. AlreadyRunningError when another process does."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(data / LOCK, os.O_RDWR | os.O_CREAT, 0o600), "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunningError(f"已有进程在用 / another process keeps {data}") from None
        yield


def last_ports(data: Path) -> dict[str, int]:
    """The ports of the last start, so that addresses given to others stay true."""
    try:
        return json.loads((data / PORTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def keep_ports(data: Path, ports: Mapping[str, int]) -> None:
    private(data / PORTS, json.dumps(dict(ports), indent=1))


def _running(running: Running) -> dict[str, int | float]:
    return {"pid": running.pid, "born": running.born}
