"""Understands in which encoding a text file is, and gives its physical lines in bounded memory."""

from __future__ import annotations

import io
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

Pieces = Callable[[], Iterable[bytes]]  # opens the file anew: it is read once to know its encoding, once for its rows


class Unreadable(ValueError):
    """The file as a whole is no table we can read; `code` is of the closed table of reasons."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code} {detail}".strip())
        self.code = code
        self.detail = detail


def encoding_of(pieces: Pieces) -> str:
    """A byte order mark decides; else strict UTF-8 over the whole file; else strict GB18030; else Unreadable."""
    start = b"".join(islice(pieces(), 1))[:4]
    if start.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        ladder = ("utf-16",)
    else:
        ladder = ("utf-8-sig",) if start.startswith(BOM_UTF8) else ("utf-8", "gb18030")
    for encoding in ladder:
        if _decodes(pieces, encoding):
            return encoding
    raise Unreadable("encoding-unknown")


def _decodes(pieces: Pieces, encoding: str) -> bool:
    decoder = getincrementaldecoder(encoding)("strict")
    try:
        for piece in pieces():
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


class _Raw(io.RawIOBase):
    """Pieces of bytes as a file."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        target = memoryview(buffer)  # pyright: ignore[reportArgumentType]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def opened(pieces: Pieces, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedReader(_Raw(pieces()), 256 * 1024), encoding, newline="")


def lines_of(text: io.TextIOWrapper, longest: int) -> Iterator[str]:
    """Physical lines with their ends; of a line without end only the start is kept."""
    first = True
    while line := text.readline(longest):
        yield line.removeprefix("\ufeff") if first else line
        first = False
        while len(line) == longest and not line.endswith(("\n", "\r")):
            line = text.readline(longest)
