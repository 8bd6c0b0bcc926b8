"""Understands the one file of a backup: a manifest that says of which moment it is, then the dump."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

from credithub.errors import ConfigurationError

FORMAT = 1
MANIFEST, DUMP = "manifest.json", "credithub.dump"
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The next offset that a reader had not yet handled."""

    service: str
    grp: str
    cluster: str
    topic: str
    topic_id: str
    partition: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicEnds:
    """Where a topic's partitions ended just before the dump's moment, in the order of their numbers."""

    topic: str
    topic_id: str
    ends: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Of which moment the dump is. Nothing in it is secret."""

    made_at: str
    epoch: int
    clock_ahead_seconds: float
    revision: str
    catalogues: tuple[str, ...]
    secrets: str  # a keyed hash by which the secrets that belong to this dump are recognised; empty: not known
    server: int
    cluster: str
    topics: tuple[TopicEnds, ...]
    positions: tuple[Position, ...]
    sha256: str = ""
    size: int = 0
    format: int = FORMAT

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()

    @staticmethod
    def from_json(raw: bytes) -> Manifest:
        """A ConfigurationError for what is no manifest of ours."""
        try:
            told: dict[str, Any] = json.loads(raw)
            if told["format"] != FORMAT:
                raise ConfigurationError(f"备份格式 / format of the backup: {told['format']}")
            told["topics"] = tuple(
                TopicEnds(topic=one["topic"], topic_id=one["topic_id"], ends=tuple(one["ends"]))
                for one in told["topics"]
            )
            told["positions"] = tuple(Position(**one) for one in told["positions"])
            told["catalogues"] = tuple(told["catalogues"])
            return Manifest(**told)
        except (ValueError, KeyError, TypeError) as problem:
            raise ConfigurationError(f"不是备份文件 / no backup of ours: {problem}") from problem

    def ends_of(self, topic: str) -> Sequence[int]:
        return next((one.ends for one in self.topics if one.topic == topic), ())

    def topic_ids(self) -> Mapping[str, str]:
        return {one.topic: one.topic_id for one in self.topics}


def pack(file: Path, manifest: Manifest, dump: Path) -> Manifest:
    """Writes the file in one step: it is whole, or it is not there. Gives the manifest as it stands in it."""
    whole = replace(manifest, sha256=digest(dump), size=dump.stat().st_size)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as out:
        with tarfile.open(fileobj=out, mode="w") as tar:
            _add(tar, MANIFEST, io.BytesIO(whole.to_json()), len(whole.to_json()))
            with dump.open("rb") as content:
                _add(tar, DUMP, content, whole.size)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
    return whole


def look_into(file: Path) -> Manifest:
    """The manifest alone."""
    try:
        with tarfile.open(file) as tar:
            found = tar.extractfile(MANIFEST)
            return Manifest.from_json(found.read() if found else b"")
    except (tarfile.TarError, KeyError, OSError) as problem:
        raise ConfigurationError(f"不是备份文件 / no backup of ours: {file}: {problem}") from problem


def unpack(file: Path, to: Path) -> Manifest:
    """Writes the dump to `to`; a ConfigurationError where it is not what the manifest says."""
    manifest = look_into(file)
    with tarfile.open(file) as tar, to.open("wb") as out:
        found = tar.extractfile(DUMP)
        while chunk := found.read(CHUNK) if found else b"":
            out.write(chunk)
    if digest(to) != manifest.sha256:
        raise ConfigurationError(f"备份已损坏，SHA-256 不符 / the backup is damaged, its SHA-256 differs: {file}")
    return manifest


def digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    tar.addfile(entry, content)
