"""Understands a table kept as text: its encoding, separator, header and rows, however a department's system wrote it.

One wrong row never costs the others: what is wrong with a row itself goes under feeds.FAULTS among its cells.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from credithub.csvfile.decoding import Pieces, Unreadable, encoding_of, lines_of, opened
from credithub.csvfile.mending import ERROR_COLUMNS, error_file, errors_of, table_file, unescaped
from credithub.csvfile.records import Limits, records
from credithub.domain.feeds import FAULTS, LEAST_COLUMNS, FeedMapping, HeaderMatch, RowKind

__all__ = [
    "ERROR_COLUMNS", "Count", "Limits", "Pieces", "Row", "Table", "Unreadable", "encoding_of", "error_file",
    "errors_of", "open_table", "table_file",
]  # fmt: skip

DELIMITERS = ",\t;"
HEADER_WITHIN = 30  # rows among which the header is looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    number: int  # as a spreadsheet counts: the file's first row is 1
    kind: RowKind
    cells: dict[str, str]


@dataclass(slots=True, kw_only=True)
class Count:
    """Grows as rows are read; in the end rows = entries + blank + instructions + the header."""

    rows: int = 0
    entries: int = 0
    blank: int = 0
    instructions: int = 0

    def add(self, kind: RowKind) -> None:
        self.rows += 1
        self.entries += kind == "row"
        self.blank += kind == "blank"
        self.instructions += kind == "instruction"

    def reconciles(self) -> bool:
        return self.rows == self.entries + self.blank + self.instructions + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file whose header was found. `rows` may be taken once for each call; memory stays bounded."""

    encoding: str
    delimiter: str
    header_row: int
    headers: tuple[str, ...]  # a doubled one ends in #2; one without text is empty
    match: HeaderMatch
    mapping: FeedMapping
    limits: Limits
    pieces: Pieces

    def rows(self, count: Count | None = None) -> Iterator[Row]:
        """Every row after the header, blank and explaining ones included. Raises Unreadable past a limit."""
        count = count if count is not None else Count()
        width = len(self.headers)
        found = records(self.pieces, self.encoding, self.delimiter, width, self.limits)
        for number, (cells, fault) in enumerate(found, 1):
            if number == self.header_row:
                count.rows += 1
                continue
            kind: RowKind = self.mapping.row_kind(cells) if number > self.header_row else _above(cells)
            count.add(kind)
            if count.entries > self.limits.rows:
                raise Unreadable("file-too-many-rows", str(self.limits.rows))
            if number > self.header_row:
                yield Row(number=number, kind=kind, cells=self._named(cells, fault))

    def _named(self, cells: list[str], fault: str | None) -> dict[str, str]:
        headers, width = self.headers, len(self.headers)
        faults = [fault] if fault else []
        if len(cells) > width and any(map(str.strip, cells[width:])):
            faults.append("row-too-long")
        elif len(cells) < width:
            if not fault and cells and not self.mapping.may_lack(headers[len(cells) :]):
                faults.append("row-too-short")
            cells = cells + [""] * (width - len(cells))
        if max(map(len, cells)) > self.limits.cell:
            faults.append("cell-too-long")
            cells = [cell[: self.limits.cell] for cell in cells]
        named = dict(zip(headers, map(unescaped, cells), strict=False))
        named.pop("", None)
        if faults:
            named[FAULTS] = " ".join(dict.fromkeys(faults))
        return named


def open_table(pieces: Pieces, mapping: FeedMapping, limits: Limits | None = None) -> Table:
    """Finds encoding, separator and header row. Raises Unreadable where there is no such table in the file."""
    limits = limits or Limits()
    encoding = encoding_of(pieces)
    with opened(pieces, encoding) as text:
        sample = list(islice(lines_of(text, limits.line), HEADER_WITHIN * 4))
    if not any(map(str.strip, sample)):
        raise Unreadable("file-empty")
    score, number, delimiter, cells = max(
        (found for delimiter in DELIMITERS for found in _scored(sample, delimiter, mapping)), key=lambda one: one[0]
    )
    if score < LEAST_COLUMNS or len(cells) > limits.columns:
        raise Unreadable("header-not-found")
    headers = _distinct(cells)
    return Table(
        encoding=encoding, delimiter=delimiter, header_row=number, headers=headers, mapping=mapping,
        match=mapping.match([header for header in headers if header]), limits=limits, pieces=pieces,
    )  # fmt: skip


def _scored(sample: list[str], delimiter: str, mapping: FeedMapping) -> Iterator[tuple[int, int, str, list[str]]]:
    """(columns known, row number, delimiter, cells) of each row that might be the header."""
    yield 0, 0, delimiter, []
    reader = csv.reader(sample, delimiter=delimiter, skipinitialspace=True)
    try:
        for number, cells in enumerate(islice(reader, HEADER_WITHIN), 1):
            yield mapping.header_score(cells), number, delimiter, cells
    except csv.Error:
        return


def _distinct(cells: Sequence[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    names: list[str] = []
    for cell in cells:
        name = cell.strip() if cell.strip() != FAULTS else ""
        seen[name] = seen.get(name, 0) + 1
        names.append(f"{name}#{seen[name]}" if name and seen[name] > 1 else name)
    return tuple(names)


def _above(cells: Sequence[str]) -> RowKind:
    return "instruction" if any(map(str.strip, cells)) else "blank"
