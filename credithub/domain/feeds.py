"""Understands the tables departments keep: which column means what, as data in schemas/feeds says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from credithub.domain.persons import mask
from credithub.domain.text import clean, nfkc

# The cell under which a reader of tables puts what was wrong with the row itself; no header can have this name.
FAULTS = "#faults"
# A title row or an instruction has a cell or two; a header has at least this many columns we know.
LEAST_COLUMNS = 3

ColumnType = Literal[
    "name",
    "text",
    "number",  # of the document: nothing in it may be hidden
    "reference",  # a number of something else
    "date",
    "amount",
    "enum",
    "identifier",
    "issuer-code",
    "subject-kind",
    "person",
    "unused",
]
Must = Literal["strict", "warn", "no"]
Mark = Literal["V", "M"]  # read in a real public file, or from memory: an M never refuses
RowKind = Literal["row", "blank", "instruction"]


class Column(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    zh: tuple[str, ...]
    also: tuple[str, ...] = ()
    type: ColumnType
    to: tuple[str, ...] = ()  # dotted paths in the event's data
    must: Must = "no"
    mark: Mark = "V"
    length: int | None = None
    length_mark: Mark = "V"
    scheme: str | None = None  # of identifiers; `any`: told by its length
    values: Mapping[str, str] = {}  # of enumerations: as written, as kept
    open: str | None = None  # a value that may be followed by a word of the supplier's own
    several: bool = False  # values separated by semicolons
    unconfirmed: bool = False  # the list of values is from memory: another one is a warning
    closed: bool = False  # another value is dropped, with a warning
    unit: Literal["元", "万元"] | None = None
    sentinels: Mapping[str, Literal["no-end"]] = {}
    past: bool = False  # a day that cannot lie after the submission
    person: bool = False  # dropped before anything is stored
    natural_person: bool = False  # filled only for natural persons
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderMatch:
    """What a header row means. Persons' numbers in it are hidden."""

    matched: Mapping[str, str]  # header as written → column code
    unknown: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()  # codes of columns without which no row can be archived
    ambiguous: tuple[tuple[str, tuple[str, ...]], ...] = ()  # column code, headers that all mean it


class FeedMapping(BaseModel):
    """One version of one table."""

    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))

    feed: str
    version: str
    item: str
    kind: str
    group: str
    title_zh: str
    title_en: str
    source: str
    instructions: tuple[str, ...]  # how a row begins that explains the table
    columns: tuple[Column, ...]

    def __hash__(self) -> int:
        return id(self)

    @cached_property
    def by_code(self) -> Mapping[str, Column]:
        return {column.code: column for column in self.columns}

    @cached_property
    def _codes(self) -> Mapping[str, str]:
        """Folded header → column code; a code wins over a Chinese name, that over a synonym."""
        names: dict[str, str] = {}
        for rank in range(3):
            for column in self.columns:
                for spelling in ((column.code,), column.zh, column.also)[rank]:
                    names.setdefault(fold_header(spelling), column.code)
        return names

    def match(self, headers: Sequence[str]) -> HeaderMatch:
        """Which column each header means, whatever its case, brackets and spaces."""
        means = {header: code for header in headers if (code := self._codes.get(fold_header(header)))}
        found: dict[str, list[str]] = {}
        for header, code in means.items():
            found.setdefault(code, []).append(header)
        twice = {code: tuple(names) for code, names in found.items() if len(names) > 1 and self._matters(code)}
        return HeaderMatch(
            matched=means,
            unknown=tuple(mask(header) for header in headers if header not in means and header.strip()),
            missing=tuple(c.code for c in self.columns if c.must == "strict" and c.code not in found),
            ambiguous=tuple(twice.items()),
        )

    def may_lack(self, headers: Iterable[str]) -> bool:
        """Whether a row may end before these columns: spreadsheets cut trailing separators off."""
        codes = [self._codes.get(fold_header(header)) for header in headers]
        return all(code is None or self.by_code[code].must == "no" for code in codes)

    def header_score(self, cells: Iterable[str]) -> int:
        """How many columns we know would be named if this row were the header."""
        return len({code for cell in cells if len(cell) <= 100 and (code := self._codes.get(fold_header(cell)))})

    def row_kind(self, cells: Sequence[str]) -> RowKind:
        """Blank and explaining rows are no entries: an empty row, one that starts 表格说明, the header again."""
        filled = [cell.strip() for cell in cells if clean(cell) is not None]
        if not filled:
            return "blank"
        if len(filled) <= LEAST_COLUMNS and filled[0].startswith(self.instructions):
            return "instruction"
        if not self.header_score(filled[:2]):
            return "row"
        if self.header_score(filled) > max(LEAST_COLUMNS, len(filled) // 2):
            return "instruction"
        return "row"

    def _matters(self, code: str) -> bool:
        return self.by_code[code].type not in {"person", "unused"}


class Feeds:
    """Every table there is, in its versions."""

    def __init__(self, mappings: Iterable[FeedMapping]) -> None:
        self._mappings = {(mapping.feed, mapping.version): mapping for mapping in mappings}
        self._latest = {feed: mapping for (feed, _), mapping in sorted(self._mappings.items(), key=_version)}

    def __iter__(self) -> Iterator[FeedMapping]:
        return iter(self._latest.values())

    def latest(self, feed: str) -> FeedMapping | None:
        return self._latest.get(feed)

    def get(self, feed: str, version: str | None) -> FeedMapping | None:
        """The version an entry is stamped with; without a stamp, the latest."""
        return self._mappings.get((feed, version)) if version else self._latest.get(feed)


def load(folder: Path) -> Feeds:
    """Reads schemas/feeds; an older version of a table stays there beside the newer one, for what it stamped."""
    return Feeds(FeedMapping.model_validate_json(file.read_bytes()) for file in sorted(folder.glob("*.json")))


def _version(entry: tuple[tuple[str, str], FeedMapping]) -> tuple[str, int]:
    (feed, version), _ = entry
    return feed, int(version)


_DECORATION = re.compile(r"[\s_\-*:\"'()\[\]【】〔〕/·.、,;]|必填|选填|#\d+$")


def fold_header(header: str) -> str:
    """xk_xdr_mc, XK_XDR_MC and xkXdrMc are one; so are 罚款金额（万元） and 罚款金额(万元)*."""
    return _DECORATION.sub("", nfkc(header)).upper()
