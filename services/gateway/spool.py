"""Understands how an upload rests on disk while it is read: in pieces that only this process's memory can open."""

from __future__ import annotations

import asyncio
import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from credithub.settings import Settings

BLOCK = 256 * 1024  # bytes of the upload in one sealed piece
TAG = 16  # bytes AES-GCM adds
PREFIX = "credithub-spool-"
MORE, LAST = b"more", b"last"


class TooLarge(Exception):
    """The upload is longer than the limit; what was written is gone."""


@dataclass(slots=True)
class Spool:
    """Writes one upload. Its key lives here and in the worker that reads it, nowhere else."""

    folder: Path
    limit: int
    key: bytes = field(default_factory=lambda: os.urandom(32), repr=False)
    size: int = 0
    _sealed: int = 0
    _buffer: bytearray = field(default_factory=bytearray, repr=False)
    _digest: Any = field(default_factory=hashlib.sha256)
    _path: Path | None = None
    _handle: int = -1

    def __enter__(self) -> Spool:
        self._handle, name = tempfile.mkstemp(prefix=f"{PREFIX}{os.getpid()}-", dir=self.folder)
        self._path = Path(name)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self.path.unlink(missing_ok=True)

    @property
    def path(self) -> Path:
        assert self._path is not None, "a spool is used as a context"
        return self._path

    @property
    def digest(self) -> str:
        """Hex SHA-256 of what was uploaded."""
        return self._digest.hexdigest()

    async def write(self, piece: bytes) -> None:
        """Raises TooLarge as soon as the limit is passed."""
        self.size += len(piece)
        if self.size > self.limit:
            raise TooLarge
        self._digest.update(piece)
        self._buffer += piece
        while len(self._buffer) > BLOCK:  # at least one byte stays: the last piece is marked as such
            block = bytes(self._buffer[:BLOCK])
            del self._buffer[:BLOCK]
            await asyncio.to_thread(self._seal, block, MORE)

    async def finish(self) -> None:
        await asyncio.to_thread(self._seal, bytes(self._buffer), LAST)
        self._buffer.clear()
        self._close()

    def _seal(self, block: bytes, place: bytes) -> None:
        os.write(self._handle, AESGCM(self.key).encrypt(_nonce(self._sealed), block, place))
        self._sealed += 1

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def opened(path: Path, key: bytes) -> Iterator[bytes]:
    """The upload again, piece by piece. A piece missing at the end is an InvalidTag, not a short file."""
    cipher, number = AESGCM(key), 0
    with path.open("rb") as file:
        sealed = file.read(BLOCK + TAG)
        while sealed:
            after = file.read(BLOCK + TAG)
            yield cipher.decrypt(_nonce(number), sealed, MORE if after else LAST)
            sealed, number = after, number + 1


def spool_folder(settings: Settings) -> Path:
    return Path(settings.spool_dir or tempfile.gettempdir())


def sweep(folder: Path) -> None:
    """Removes what a killed process left behind; nobody can read it any more."""
    for left in folder.glob(PREFIX + "*"):
        owner = left.name.removeprefix(PREFIX).partition("-")[0]
        if not (owner.isdigit() and psutil.pid_exists(int(owner))):
            left.unlink(missing_ok=True)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")
