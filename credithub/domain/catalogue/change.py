"""Understands what a new version changes: what it ends, what it adds, and in which rows it differs.

Preview and sweep both ask here, so that what is foretold and what happens cannot differ (ADR 0012).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Literal, Protocol, TypeAlias, cast

from credithub.domain.calendar import WorkingDays
from credithub.domain.catalogue.book import Catalogue
from credithub.domain.catalogue.layers import Edition, name_of
from credithub.domain.catalogue.rows import Measure, SubjectKind
from credithub.domain.durations import last_day
from credithub.domain.routing import NO_AFFILIATION, Affiliation, Agencies, Planned, obligations_for

Ending: TypeAlias = Literal["not-executable", "document-ended"]
WITH_THE_FACT = frozenset({"decision", "listing"})  # periods that begin when it was decided, not when it was told
LONGEST_TERM = timedelta(days=366 * 60)
ENTRY, EXIT, NOTICE = "list.entered", "list.removed", "list.notice-given"  # a list type may name events of its own
TEXTS: Mapping[Ending, tuple[str, str]] = {
    "not-executable": (
        "现行目录版本不再对该信息项执行此措施",
        "the catalogue version in force no longer makes this measure executable for the item",
    ),
    "document-ended": ("所依据的文件已失效", "the document it rests on is no longer in force"),
}


class _Dated(Protocol):
    @property
    def valid_from(self) -> date | None: ...
    @property
    def valid_to(self) -> date | None: ...


def subject_kind(kind: str) -> SubjectKind:
    return "sole-trader" if kind == "sole-trader" else "organisation"


def calls_upon(catalogue: Catalogue, item: str, event: str) -> bool:
    """Whether a record of this kind of event opens a case: a fact of the item, or an entry on its list."""
    entry, list_type = catalogue.item(item), catalogue.list_type_of(item)
    if entry is None or event in (EXIT, NOTICE) or event not in (*entry.events, ENTRY):
        return False
    return list_type is None or (event != list_type.exit.event and not list_type.reference_only)


@lru_cache(maxsize=1024)
def executable(
    catalogue: Catalogue, item: str, kind: SubjectKind, on: date, subject_class: str | None = None
) -> frozenset[tuple[str, str]]:
    """The (measure, current department) pairs that a record of this item calls upon on this day, notices included."""
    told = ((measure, department) for _, measure, department in catalogue.notices_for(item, subject_class))
    return frozenset(
        (measure.id, department)
        for measure, department in (*catalogue.measures_for(item), *told)
        if kind in measure.applies_to and _rests(catalogue, measure, on)
    )


def plans(
    catalogue: Catalogue,
    item: str,
    seat: str | None,
    agencies: Agencies,
    kind: SubjectKind,
    on: date,
    of: Affiliation = NO_AFFILIATION,
) -> tuple[Planned, ...]:
    """What a record gives rise to on this day: only what rests on something in force."""
    here = executable(catalogue, item, kind, on, of.subject_class)
    every = obligations_for(catalogue, item, seat, agencies, kind, of)
    return every if len(every) == len(here) else tuple(p for p in every if (p.measure_id, p.department) in here)


def _rests(catalogue: Catalogue, measure: Measure, on: date) -> bool:
    if measure.citation is None:
        return False
    document = catalogue.document(measure.citation.document)
    return _in_force(measure, on) and (document is None or _in_force(document, on))


def _in_force(row: _Dated, on: date) -> bool:
    return (row.valid_from is None or row.valid_from <= on) and (row.valid_to is None or on < row.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What an obligation is, as far as it matters to whether it may go on."""

    item: str
    measure: str
    department: str
    catalogue: str  # under which it was made
    seat: str | None
    kind: str  # of the subject
    subject_class: str | None = None


def ending_of(duty: Duty, now: Catalogue, own: Catalogue, on: date) -> Ending | None:
    """Why an obligation made under `own` rests on nothing on a day on which `now` is in force; None while it stands."""
    if _document_ended(own.measure(duty.measure), now, own, on):
        return "document-ended"
    stands = (duty.measure, _today(duty, now)) in executable(
        now, duty.item, subject_kind(duty.kind), on, duty.subject_class
    )
    return None if stands else "not-executable"


def _document_ended(measure: Measure | None, now: Catalogue, own: Catalogue, on: date) -> bool:
    """What is in force knows best when a document ended; where it does not name it, the obligation's own version does."""
    if measure is None or measure.citation is None:
        return False
    document = now.document(measure.citation.document) or own.document(measure.citation.document)
    return document is not None and document.valid_to is not None and document.valid_to <= on


def _today(duty: Duty, now: Catalogue) -> str:
    return now.successors.get(duty.department, duty.department)


@lru_cache(maxsize=4096)
def standing_plans(
    own: Catalogue,
    now: Catalogue,
    item: str,
    seat: str | None,
    agencies: Agencies,
    kind: str,
    on: date,
    of: Affiliation = NO_AFFILIATION,
) -> tuple[Planned, ...]:
    """What a record under `own` gives rise to, as far as it rests on something on a day on which `now` is in force."""
    return tuple(
        plan
        for plan in obligations_for(own, item, seat, agencies, subject_kind(kind), of)
        if ending_of(_duty(item, plan, seat, kind, of.subject_class), now, own, on) is None
    )


def _duty(item: str, plan: Planned, seat: str | None, kind: str, subject_class: str | None) -> Duty:
    return Duty(
        item=item, measure=plan.measure_id, department=plan.department, catalogue=plan.catalogue, seat=seat, kind=kind,
        subject_class=subject_class,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One turn of what is in force, as it meets an archive on one day."""

    before: Edition | None  # until the turn
    at: Edition  # once it had come
    after: Edition  # on the day asked about: the same, unless another turn has followed
    on: date
    agencies: Agencies
    known: Mapping[str, Catalogue]  # every version that an obligation may have been made under

    def department(self, duty: Duty) -> str:
        """Who answers today for the department that the obligation names."""
        return _today(duty, self.after.at(duty.seat))

    def ends(self, duty: Duty) -> Ending | None:
        """Why the obligation rests on nothing any more; None while it stands."""
        now = self.after.at(duty.seat)
        return ending_of(duty, now, self.known.get(duty.catalogue, now), self.on)

    def adds(
        self, item: str, event: str, seat: str | None, kind: str, of: Affiliation = NO_AFFILIATION
    ) -> tuple[Planned, ...]:
        """The pairs that the turn adds for a record of this kind, routed; whoever has one already gets none."""
        subject, at, now = subject_kind(kind), self.at.at(seat), self.after.at(seat)
        if not calls_upon(at, item, event):
            return ()
        new = executable(at, item, subject, self.on, of.subject_class)
        if self.before is not None:
            new -= _had(self.before.at(seat), now, item, subject, self.on, of.subject_class)
        if not new:
            return ()
        planned = plans(now, item, seat, self.agencies, subject, self.on, of)
        return tuple(p for p in planned if (p.measure_id, p.department) in new)

    # -------------------------------------------------------------------------------------- measures with a term
    def begun_from(self, plan: Planned, seat: str | None) -> date | None:
        """The first day on which a fact may have begun for this measure's own term not to be over."""
        return _begun_from(self.after.at(seat), plan.measure_id, self.on)

    def begun_days(self) -> list[date]:
        """All such days, in order."""
        editions = [self.after.national, *(self.after.at(_of(layer)) for layer in self.after.local)]
        found = {_begun_from(each, measure.id, self.on) for each in editions for measure in each.measures}
        return sorted(day for day in found if day is not None)


@lru_cache(maxsize=1024)
def _had(
    before: Catalogue, now: Catalogue, item: str, kind: SubjectKind, on: date, subject_class: str | None
) -> frozenset[tuple[str, str]]:
    """What was executable until the turn and would rest on something still, by what is known now."""
    pairs = executable(before, item, kind, on, subject_class)
    return frozenset(pair for pair in pairs if not _document_ended(before.measure(pair[0]), now, before, on))


def _of(layer: Catalogue) -> str:
    return layer.content.manifest.division


@lru_cache(maxsize=4096)
def _begun_from(catalogue: Catalogue, measure_id: str, on: date) -> date | None:
    measure = catalogue.measure(measure_id)
    period = catalogue.period(measure.term) if measure and measure.term else None
    if period is None or period.maximum is None or period.starts not in WITH_THE_FACT:
        return None
    days = WorkingDays(catalogue.calendar)
    first, last = on - LONGEST_TERM, on  # the first is over, the last is not
    while (last - first).days > 1:
        middle = first + (last - first) // 2
        over = last_day(middle, period.maximum, days) < on
        first, last = (middle, last) if over else (first, middle)
    return last


def reason(ending: Ending, version: str) -> dict[str, str]:
    """Why an obligation was lifted, as its agency reads it."""
    zh, en = TEXTS[ending]
    return {"code": "basis-ended", "because": ending, "catalogue": version, "text_zh": zh, "text_en": en}


# ------------------------------------------------------------------------------------------------ row by row
@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One row that one version has and another has not, or has otherwise."""

    part: str
    name: str
    what: Literal["added", "removed", "changed"]
    fields: tuple[str, ...] = ()


def differences(older: Catalogue, newer: Catalogue) -> Iterator[Difference]:
    """Every row that differs, part by part."""
    for part in (field.name for field in fields(newer.content)):
        was, now = _rows(older, part), _rows(newer, part)
        for name in dict.fromkeys((*was, *now)):
            if name not in now:
                yield Difference(part=part, name=name, what="removed")
            elif name not in was:
                yield Difference(part=part, name=name, what="added")
            elif was[name] != now[name]:
                changed = [
                    f.name for f in fields(now[name]) if getattr(was[name], f.name, None) != getattr(now[name], f.name)
                ]
                yield Difference(part=part, name=name, what="changed", fields=tuple(changed))


def changes_criteria(older: Catalogue, newer: Catalogue) -> bool:
    """Whether list criteria change, which asks for a longer public comment (国办发〔2020〕49号 四(七))."""
    return any(each.part == "list_types" for each in differences(older, newer))


def _rows(catalogue: Catalogue, part: str) -> dict[str, Any]:
    found: object = getattr(catalogue.content, part)
    rows = cast("tuple[Any, ...]", found if isinstance(found, tuple) else (found,))
    return {name_of(row) or part: row for row in rows}
