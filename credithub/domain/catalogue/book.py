"""Understands one version of the catalogue: who may report what, and which departments a fact calls upon."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, final

import orjson
from pydantic import TypeAdapter

from credithub.domain.catalogue.content import Content
from credithub.domain.catalogue.rows import (
    SUPERIOR_UNIT,
    Department,
    Document,
    Effect,
    Item,
    ListType,
    Measure,
    NoticeRule,
    Reason,
    RepairRule,
    RoutingRule,
    Tolerance,
)
from credithub.domain.catalogue.terms import Calendar, Period

Pair = tuple[Measure, str]
Notice = tuple[NoticeRule, Measure, str]  # (rule, measure, department)


class _Coded(Protocol):
    @property
    def code(self) -> str: ...


class _Named(Protocol):
    @property
    def id(self) -> str: ...


C = TypeVar("C", bound=_Coded)
N = TypeVar("N", bound=_Named)


@cache
def content_adapter() -> TypeAdapter[Content]:
    return TypeAdapter(Content)


@final
class Catalogue:
    """Immutable; equal where the content is equal, so that it can be the key of a cache."""

    __slots__ = (
        "_departments", "_documents", "_effects", "_hash", "_items", "_items_of_event", "_list_of_item", "_list_types",
        "_measures", "_notices", "_owners", "_pairs", "_periods", "_tolerance", "content", "digest", "routing",
        "successors",
    )  # fmt: skip

    def __init__(self, content: Content) -> None:
        self.content = content
        self.digest = hashlib.sha256(orjson.dumps(self.to_json(), option=orjson.OPT_SORT_KEYS)).hexdigest()
        self._hash = hash(self.digest)
        self._departments = _by_code(content.departments)
        self._items = _by_code(content.items)
        self._list_types = _by_code(content.list_types)
        self._list_of_item = {entry.item: entry for entry in content.list_types}
        self._tolerance = {entry.ground: entry for entry in content.tolerance}
        self._effects = _by_code(content.effects)
        self._documents = _by_id(content.documents)
        self._measures = _by_id(content.measures)
        self._periods = _by_id(content.periods)
        self._items_of_event = _by_event(content.items)
        self.routing = tuple(rule for rule in content.routing if isinstance(rule, RoutingRule))
        self.successors: Mapping[str, str] = MappingProxyType(
            {code: self.current_department(code) for code in self._departments}
        )
        self._owners = {
            item.code: frozenset(self.successors[owner] for owner in item.owners if owner in self.successors)
            for item in content.items
        }
        self._pairs = {item.code: self._pairs_of(item.code) for item in content.items}
        self._notices = self._notices_of(self.notice_rules)

    # ------------------------------------------------------------------------------------------ what it is
    @property
    def version(self) -> str:
        return self.content.manifest.version

    @property
    def effective_from(self) -> date:
        return self.content.manifest.effective_from

    @property
    def illustrative(self) -> bool:
        """Whether it is only for showing; a catalogue that does not say counts as such."""
        return self.content.manifest.illustrative is not False

    @property
    def departments(self) -> tuple[Department, ...]:
        return self.content.departments

    @property
    def items(self) -> tuple[Item, ...]:
        return self.content.items

    @property
    def list_types(self) -> tuple[ListType, ...]:
        return self.content.list_types

    @property
    def measures(self) -> tuple[Measure, ...]:
        return self.content.measures

    @property
    def notice_rules(self) -> tuple[NoticeRule, ...]:
        return tuple(rule for rule in self.content.routing if isinstance(rule, NoticeRule))

    @property
    def periods(self) -> tuple[Period, ...]:
        return self.content.periods

    @property
    def decline_reasons(self) -> tuple[Reason, ...]:
        return self.content.decline_reasons

    @property
    def calendar(self) -> Calendar:
        return self.content.calendar

    # ------------------------------------------------------------------------------------------ one of it
    def department(self, code: str) -> Department | None:
        return self._departments.get(code)

    def item(self, code: str) -> Item | None:
        return self._items.get(code)

    def item_of_event(self, kind: str) -> Item | None:
        """The item that events of this kind are about: `penalty.imposed` is about `penalty`. None where several are."""
        return self._items_of_event.get(kind)

    def list_type(self, code: str) -> ListType | None:
        return self._list_types.get(code)

    def measure(self, measure_id: str) -> Measure | None:
        return self._measures.get(measure_id)

    def effect(self, code: str) -> Effect | None:
        return self._effects.get(code)

    def document(self, document_id: str) -> Document | None:
        return self._documents.get(document_id)

    def period(self, period_id: str) -> Period | None:
        return self._periods.get(period_id)

    def list_type_of(self, item: str) -> ListType | None:
        """The closed list whose entries are records of this item."""
        return self._list_of_item.get(item)

    def tolerance(self, ground: str) -> Tolerance | None:
        return self._tolerance.get(ground)

    def display_period(self, item: str, severity: str | None, on: date) -> Period | None:
        """How long a record of this item and severity decided on this day is shown; without a severity, as general."""
        shown = [p for p in self.periods if p.kind == "display" and item in p.items]
        of_class = [p for p in shown if p.severity in (None, severity or "general")]
        return next((p for p in of_class if _in_force(p.valid_from, p.valid_to, on)), None)

    def repair_rule(self, item: str, severity: str | None) -> RepairRule | None:
        """The rule for this severity, else the one for all."""
        rules = [rule for rule in self.content.repair if rule.item == item]
        return next((r for r in rules if r.severity == severity), next((r for r in rules if r.severity is None), None))

    # ------------------------------------------------------------------------------------------ what it says
    def current_department(self, code: str) -> str:
        """Who answers today for the department of this code. KeyError where nobody knows it."""
        seen = {code}
        while (after := self._departments[code].succeeded_by) in self._departments and after not in seen:
            seen.add(code := after)
        return code

    def may_report(self, department: str, item: str) -> bool:
        """Whether the department, or whoever took over from it, owns the item."""
        return self.successors.get(department, "") in self._owners.get(item, ())

    def measures_for(self, item: str) -> tuple[Pair, ...]:
        """Every (measure, current department) that a record of this item calls upon; each pair once."""
        return self._pairs.get(item, ())

    def granted_fields(self, item: str, measure_id: str) -> tuple[str, ...]:
        """Paths such as `debtor.court` that an agency acting on this measure may see."""
        entry, measure = self._items.get(item), self._measures.get(measure_id)
        if entry is None or measure is None:
            return ()
        return tuple(
            field.path
            for field in entry.fields
            if field.share == "agencies" or (field.share == "granted" and field.path in measure.grants)
        )

    def grant(self, item: str, measure_id: str, data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The part of a record's data, group by group, that an agency acting on this measure is told."""
        told: dict[str, dict[str, Any]] = {}
        for path in self.granted_fields(item, measure_id):
            group, _, name = path.partition(".")
            values = data.get(group)
            if isinstance(values, Mapping) and name in values:
                told.setdefault(group, {})[name] = values[name]
        return told

    def notices_for(self, item: str, subject_class: str | None) -> tuple[Notice, ...]:
        """Whom a record of this item is told to besides, because of the class of its subject."""
        return self._notices.get((item, subject_class or ""), ())

    def routing_rule(self, department: str) -> RoutingRule | None:
        """The rule that names the department, else the one for everybody."""
        named = [rule for rule in self.routing if department in rule.departments]
        return next(iter(named or [rule for rule in self.routing if "*" in rule.departments]), None)

    # ------------------------------------------------------------------------------------------ as a value
    def to_json(self) -> dict[str, Any]:
        return content_adapter().dump_python(self.content, mode="json")

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Catalogue) and self.digest == other.digest)

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"Catalogue({self.version}, {self.digest[:12]})"

    def _notices_of(self, rules: Iterable[NoticeRule]) -> Mapping[tuple[str, str], tuple[Notice, ...]]:
        found: dict[tuple[str, str], tuple[Notice, ...]] = {}
        for rule in rules:
            measure = self._measures.get(rule.measure)
            if measure is None or not measure.by_notice:
                continue
            told = tuple((rule, measure, department) for department in self._told(rule, measure))
            for key in ((item, each) for item in rule.items for each in rule.subject_classes):
                found[key] = found.get(key, ()) + told
        return found

    def _told(self, rule: NoticeRule, measure: Measure) -> Iterable[str]:
        if rule.to == "superior":
            return (SUPERIOR_UNIT,)
        today = dict.fromkeys(self.successors.get(code, code) for code in measure.departments)
        return (code for code in today if (found := self._departments.get(code)) is not None and found.acts)

    def _pairs_of(self, item: str) -> tuple[Pair, ...]:
        return tuple(
            (measure, department)
            for measure in self.measures
            if measure.executable and item in measure.triggers
            for department in dict.fromkeys(self.successors.get(code, code) for code in measure.departments)
        )


def _by_event(items: Iterable[Item]) -> dict[str, Item | None]:
    found: dict[str, Item | None] = {}
    for item in items:
        for event in item.events:
            found[event] = None if event in found else item
    return found


def _by_code(rows: Iterable[C]) -> dict[str, C]:
    return {entry.code: entry for entry in rows}


def _by_id(rows: Iterable[N]) -> dict[str, N]:
    return {entry.id: entry for entry in rows}


def _in_force(since: date | None, until: date | None, on: date) -> bool:
    return (since is None or since <= on) and (until is None or on < until)
