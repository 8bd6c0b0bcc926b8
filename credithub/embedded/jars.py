"""Understands which jars make Kafka and whether those on disk are the ones the lock names."""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from credithub.errors import ConfigurationError

LOCK = "kafka.lock.json"
Progress = Callable[[int, int], None]  # bytes there, bytes in all
CHUNK = 1 << 20


class TamperedError(ConfigurationError):
    """A jar on disk or from the net is not the one the lock names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jar:
    """One locked file, named by its Maven coordinate `group:artifact:version`."""

    coordinate: str
    sha256: str
    size: int

    @property
    def path(self) -> str:
        """Where every Maven repository, local or remote, keeps it."""
        group, artifact, version = self.coordinate.split(":")
        return f"{group.replace('.', '/')}/{artifact}/{version}/{artifact}-{version}.jar"

    def intact(self, file: Path) -> bool:
        """True when the file is exactly the locked one; reads it whole."""
        try:
            return file.stat().st_size == self.size and digest(file) == self.sha256
        except OSError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """The committed list: Kafka's version and every jar it needs."""

    version: str
    jars: tuple[Jar, ...]

    @property
    def size(self) -> int:
        return sum(jar.size for jar in self.jars)


def read_lock(text: str | None = None) -> Lock:
    """The lock shipped with the program."""
    raw = text if text is not None else resources.files("credithub.embedded").joinpath(LOCK).read_text(encoding="utf-8")
    content = json.loads(raw)
    jars = tuple(Jar(coordinate=j["coordinate"], sha256=j["sha256"], size=j["size"]) for j in content["jars"])
    return Lock(version=content["version"], jars=jars)


def digest(file: Path) -> str:
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def local_repository(fallback: Path) -> Path:
    """Where jars are kept between starts: Maven's own folder, or `fallback` where that cannot be written."""
    named = os.environ.get("M2_REPO")
    folder = Path(named) if named else Path("~").expanduser() / ".m2" / "repository"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return fallback
    return folder if os.access(folder, os.W_OK) else fallback


def missing(lock: Lock, repository: Path) -> tuple[Jar, ...]:
    """Those that are absent or differ from the lock."""
    return tuple(jar for jar in lock.jars if not jar.intact(repository / jar.path))


def classpath(lock: Lock, repository: Path, progress: Progress | None = None) -> tuple[Path, ...]:
    """Every jar, verified; what is missing is downloaded first. Offline when nothing is."""
    absent = missing(lock, repository)
    if absent:
        with _alone(repository):
            # imported late: what it needs (jgo, requests) costs half a second that a usual start can save
            importlib.import_module("credithub.embedded.download").download(
                missing(lock, repository), repository, progress
            )
    return tuple(repository / jar.path for jar in lock.jars)


@contextmanager
def _alone(repository: Path) -> Generator[None]:
    """One process downloads, others wait for it."""
    repository.mkdir(parents=True, exist_ok=True)
    with (repository / ".credithub.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
