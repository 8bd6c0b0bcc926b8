"""Understands where one row of a text table ends and the next begins, even where a quote was never closed."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from credithub.csvfile.decoding import Pieces, Unreadable, lines_of, opened
from credithub.domain.feeds import LEAST_COLUMNS


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    rows: int = 200_000
    columns: int = 300
    cell: int = 32_767  # characters, as a spreadsheet has it
    line: int = 1_048_576  # characters of a physical line; the rest of a longer one is dropped
    lines: int = 500  # physical lines of one row; more means that a quote was never closed
    broken: int = 1_000  # rows with a quote never closed


class _Replay:
    """Lines for the parser, which can be given back when a row turns out to have swallowed others."""

    def __init__(self, lines: Iterator[str], most: int) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self._most = most
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if len(self.taken) >= self._most:
            raise csv.Error("no end")
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        return line

    def give_back_all_but_first(self) -> str:
        first, *rest = self.taken
        self._again.extendleft(reversed(rest))
        return first


def records(
    pieces: Pieces, encoding: str, delimiter: str, width: int, limits: Limits
) -> Iterator[tuple[list[str], str | None]]:
    """(cells, fault) of every record, in order. A quote never closed costs its own line only."""
    broken = 0
    with opened(pieces, encoding) as text:
        lines = _Replay(lines_of(text, limits.line), limits.lines)
        reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
        while True:
            lines.taken.clear()
            try:
                cells = next(reader, None)
            except csv.Error:
                cells = []
                whole = False
            else:
                whole = cells is None or not _swallowed(lines.taken, len(cells), width, delimiter)
            if cells is None:
                return
            if whole:
                yield cells, None
                continue
            single = len(lines.taken) == 1
            first = lines.give_back_all_but_first()
            broken += not single
            if broken > limits.broken:
                raise Unreadable("file-too-many-broken-rows", str(limits.broken))
            yield _leniently(first, delimiter), _fault_of(first, single)


def _fault_of(line: str, single: bool) -> str:
    """A row of one line has quotes in wrong places, or, the last of the file, one that is never closed."""
    return "quote-unclosed" if not single or line.count('"') % 2 else "row-malformed"


def _swallowed(taken: Sequence[str], cells: int, width: int, delimiter: str) -> bool:
    """Whether a row of several lines holds what were rows of their own: a quote was opened and closed by another's."""
    suspects = taken[1:] if cells != width else taken[1:-1]
    return width >= LEAST_COLUMNS and any(len(_leniently(line, delimiter)) == width for line in suspects)


def _leniently(line: str, delimiter: str) -> list[str]:
    for cells in csv.reader([line[:65_536]], delimiter=delimiter, skipinitialspace=True):
        return cells
    return []
