"""Understands how one row of a table is read by its feed's mapping."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from credithub.domain.amounts import YUAN
from credithub.domain.codes import judge
from credithub.domain.events import CreditEvent, JsonObject, SubmittedEntry
from credithub.domain.feeds import FAULTS, Column, FeedMapping
from credithub.domain.persons import mask
from credithub.domain.text import clean, without_forbidden
from services.ingest.rules.composing import compose, reversed_days
from services.ingest.rules.faults import Faults, masked
from services.ingest.rules.identifiers import ANY, Given, settle
from services.ingest.rules.leaves import (
    NO_END,
    Leaf,
    amount_in,
    day_of,
    limited,
    number_of,
    one_of,
    read_issuer_code,
    read_name,
    read_reference,
    read_text,
)
from services.ingest.rules.outcomes import Blank, Quarantine
from services.ingest.rules.readings import Kinds
from services.ingest.rules.readings import Reading as KindReading

SEEN = 1024  # values remembered of one column
_FINE = re.compile(r"罚款(?:人民币)?([\d,.]+)元")


class Reading(NamedTuple):
    """A column as it is read: one leaf, and where its value goes."""

    header: str
    leaf: Leaf
    section: str
    name: str
    also: tuple[tuple[str, str], ...]
    must: str
    seen: dict[str, str] | None  # raw → value of short cells without fault; None: not the same at all times


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How rows under one header row are read."""

    readings: tuple[Reading, ...]
    identifiers: tuple[tuple[str, str], ...]  # (scheme, header)
    kinds: tuple[str, ...]  # headers that say what kind of subject it is
    kind_values: dict[str, str]
    kind_must: bool
    persons: frozenset[str]  # headers whose cells are dropped
    numbers: frozenset[str]  # headers of documents' and other things' numbers
    natural: tuple[str, ...]  # headers filled for natural persons only
    missing: tuple[str, ...]  # names of columns that a record cannot do without
    doubled: tuple[tuple[str, str], ...]  # headers that mean one column
    where: dict[str, str]  # path in the data → header


def read_row(entry: SubmittedEntry, mapping: FeedMapping, kinds: Kinds) -> CreditEvent | Quarantine | Blank:
    """Raw cells in, one outcome out; the same cells and stamp always give the same."""
    cells: dict[str, str] = entry.body["cells"]
    plan = _plan(mapping, tuple(cells))
    faults = Faults(entry)
    if FAULTS in cells and (outcome := _misshapen(cells, mapping, faults)):
        return outcome
    kind = _subject_kind(plan, cells, faults)
    if kind == "person":
        return _person_refused(faults, mapping)
    data = _read(plan, mapping, cells, faults)
    given = [Given(scheme, header, cells[header]) for scheme, header in plan.identifiers if cells[header]]
    identifiers = settle(faults, [one for one in given if clean(one.raw) is not None])
    if plan.natural and not identifiers and _is_natural(plan, cells):
        return Blank() if _is_no_entry(mapping, cells) else _person_refused(faults, mapping)
    data["subject"].update(identifiers)
    reading = kinds.by_name[mapping.kind]
    _compare(plan, mapping, reading, data, faults)
    if not faults.refuse():
        return compose(entry, faults, reading, data, identifiers, None)
    if _is_no_entry(mapping, cells):
        return Blank()
    return Quarantine(reasons=tuple(faults.reasons), item=mapping.item, body=_shown(plan, cells, faults))


def _is_no_entry(mapping: FeedMapping, cells: dict[str, str]) -> bool:
    return mapping.row_kind([cell for header, cell in cells.items() if header != FAULTS]) != "row"


def _misshapen(cells: dict[str, str], mapping: FeedMapping, faults: Faults) -> Quarantine | None:
    """Where separators or quotes are wrong, no cell is known to be under its header: none is judged, none is kept."""
    codes = cells[FAULTS].split()
    for code in codes:
        faults.add(code, None)
    if codes == ["cell-too-long"]:
        return None
    return Quarantine(reasons=tuple(faults.reasons), item=mapping.item, body={})


def _subject_kind(plan: Plan, cells: dict[str, str], faults: Faults) -> str | None:
    for header in plan.kinds:
        text = clean(cells[header])
        if text is None:
            if plan.kind_must:
                faults.add("recommended-missing", header)
        elif (kind := plan.kind_values.get(text)) is None:
            faults.add("enumeration-unknown", header, text, hint="、".join(plan.kind_values))
        else:
            return kind
    return None


def _read(plan: Plan, mapping: FeedMapping, cells: dict[str, str], faults: Faults) -> JsonObject:
    sections: JsonObject = {"subject": {}, "document": {}, mapping.group: {}, "": {}}
    for header, leaf, section, name, also, must, seen in plan.readings:
        raw = cells[header]
        value = seen.get(raw) if seen else None
        if value is None and raw and (text := clean(raw)) is not None:
            found = len(faults.reasons)
            value = leaf(faults, header, text)
            if seen is not None and value is not None and len(raw) <= 40 and found == len(faults.reasons):
                _remember(seen, raw, value)
        if value is None:
            if must != "no" and not (faults.reasons and faults.reasons[-1].field == header):
                faults.add("required-missing" if must == "strict" else "recommended-missing", header)
            continue
        kept = None if value is NO_END else value
        sections[section][name] = kept
        for other_section, other_name in also:
            sections[other_section][other_name] = kept
    for name in plan.missing:
        faults.add("required-missing", name)
    return sections | sections.pop("")


def _remember(seen: dict[str, str], raw: str, value: str) -> None:
    """Issuers, categories and terms repeat from row to row."""
    if len(seen) >= SEEN:
        seen.clear()
    seen[raw] = value


def _is_natural(plan: Plan, cells: dict[str, str]) -> bool:
    return any(clean(cells[header]) not in {None, "0"} for header in plan.natural)


def _person_refused(faults: Faults, mapping: FeedMapping) -> Quarantine:
    """Row number and reason only: nothing of a person is kept, not even what else was wrong."""
    faults.reasons.clear()
    faults.add("person-data-refused", None)
    return Quarantine(reasons=tuple(faults.reasons), item=mapping.item, body={})


def _compare(plan: Plan, mapping: FeedMapping, reading: KindReading, data: JsonObject, faults: Faults) -> None:
    """What no cell shows alone."""
    for path, value in reversed_days(reading, data):
        faults.add("dates-reversed", plan.where.get(path, path), value)
    for first, second in plan.doubled:
        faults.add("column-ambiguous", first, hint=second)
    group = data[mapping.group]
    if (fine := group.get("fine_yuan")) and (found := _FINE.search(group.get("content") or "")):
        said = Decimal(found[1].replace(",", "").rstrip("."))
        if said and Decimal(fine) == said * 10_000:
            faults.add("amount-unit-suspect", plan.where["penalty.fine_yuan"], found[1], hint=f"{said / 10_000:f}")


def shown_row(entry: SubmittedEntry, mapping: FeedMapping) -> JsonObject:
    """The row's cells as its supplier may see them again."""
    cells: dict[str, str] = entry.body["cells"]
    return _shown(_plan(mapping, tuple(cells)), cells, Faults(entry))


def _shown(plan: Plan, cells: dict[str, str], faults: Faults) -> JsonObject:
    """Persons' columns blank, persons' numbers hidden; sound codes stay, though one may look like a person's number."""
    sound = {header for scheme, header in plan.identifiers if scheme != ANY and judge(scheme, cells[header]).value}
    blank = plan.persons | {reason.field for reason in faults.reasons if reason.code == "person-number-in-field"}
    body: JsonObject = {}
    for header, cell in cells.items():
        if header in plan.numbers:
            body[header] = mask(without_forbidden(cell), born_until=faults.born_until)
        elif header != FAULTS:
            body[mask(header)] = cell if header in sound else "" if header in blank else masked(cell)
    return body


@lru_cache(maxsize=256)
def _plan(mapping: FeedMapping, headers: tuple[str, ...]) -> Plan:
    """Made once for all rows under the same header row."""
    match = mapping.match([header for header in headers if header != FAULTS])
    columns = [(header, mapping.by_code[code]) for header, code in match.matched.items()]
    kinds = [(header, column) for header, column in columns if column.type == "subject-kind"]
    readings = [_reading(header, column) for header, column in columns if column.to and column.type != "identifier"]
    return Plan(
        readings=tuple(readings),
        identifiers=tuple((c.scheme or ANY, header) for header, c in columns if c.type == "identifier"),
        kinds=tuple(header for header, _ in kinds),
        kind_values=dict(kinds[0][1].values) if kinds else {},
        kind_must=bool(kinds) and kinds[0][1].must != "no",
        persons=frozenset(header for header, column in columns if column.person),
        numbers=frozenset(header for header, column in columns if column.type in {"number", "reference"}),
        natural=tuple(header for header, column in columns if column.natural_person),
        missing=tuple(mapping.by_code[code].zh[0] for code in match.missing),
        doubled=tuple((names[0], names[1]) for _, names in match.ambiguous),
        where={f"{r.section}.{r.name}": r.header for r in readings},
    )


def _reading(header: str, column: Column) -> Reading:
    places = [_place(path) for path in column.to]
    steady = column.type in {"text", "enum", "issuer-code"} or (column.type == "date" and not column.past)
    return Reading(header, _leaf(column), *places[0], tuple(places[1:]), column.must, {} if steady else None)


def _place(path: str) -> tuple[str, str]:
    section, _, name = path.rpartition(".")
    return section, name


def _leaf(column: Column) -> Leaf:
    match column.type:
        case "name":
            return read_name
        case "number":
            return number_of(column.length or 128)
        case "date":
            return day_of(past=column.past, sentinels=column.sentinels)
        case "amount":
            return amount_in(column.unit or YUAN)
        case "enum":
            return one_of(column)
        case "issuer-code":
            return read_issuer_code
        case kind:
            leaf = read_reference if kind == "reference" else read_text
            return limited(leaf, column.length, column.length_mark == "V") if column.length else leaf
