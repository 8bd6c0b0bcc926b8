"""Understands which agency acts on a fact: the nearest at or above the subject's seat, or whom a notice rule names."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple, final

from credithub.domain.catalogue import LEVELS, Catalogue, Citation, Level, Measure, NoticeRule, RoutingRule, SubjectKind
from credithub.domain.divisions import NATION, above

NO_RULE = "no-rule"
DIVISION_DIGITS = 6


def level_of(division: str) -> Level:
    """The level of a six-digit division: 130822 is a county, 130800 a city, 130000 a province."""
    if division == NATION:
        return "national"
    if division.endswith("0000"):
        return "province"
    return "city" if division.endswith("00") else "county"


@lru_cache(maxsize=8192)
def at_or_above(seat: str) -> Mapping[Level, str]:
    """The divisions in which a subject seated here lies, nearest first. Empty for what is no division."""
    if len(seat) != DIVISION_DIGITS or not seat.isascii() or not seat.isdecimal():
        return MappingProxyType({})
    return MappingProxyType({level_of(division): division for division in above(seat)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """One department's office for one division; in force from `valid_from` up to, not on, `valid_to`."""

    id: str
    department: str
    division: str
    valid_from: date | None = None
    valid_to: date | None = None


@final
class Agencies:
    """The agencies in force on one day. Equal where they are the same, so that they can be the key of a cache."""

    __slots__ = ("_at", "_hash", "ids", "version")

    def __init__(self, agencies: Iterable[Agency], *, on: date | None = None) -> None:
        """`on` None: all of them count, whatever their dates."""
        here = sorted(
            (each.department, each.division, each.id) for each in agencies if on is None or _in_force(each, on)
        )
        self.ids = frozenset(name for _, _, name in here)
        self._at = {(department, division): name for department, division, name in reversed(here)}
        self.version = hashlib.sha256(repr(here).encode()).hexdigest()
        self._hash = hash(self.version)

    def at(self, department: str, division: str) -> str | None:
        return self._at.get((department, division))

    def __len__(self) -> int:
        return len(self._at)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Agencies) and self.version == other.version)

    def __hash__(self) -> int:
        return self._hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One obligation a case must have: the measure, who acts (`agency` None: nobody yet), and why."""

    measure_id: str
    department: str  # the one that answers today, whatever the document calls it
    agency: str | None
    clause: Citation
    rule: str
    catalogue: str = ""  # by which it is planned; `national+local` where a local version holds there besides


class Affiliation(NamedTuple):
    """What the register says that a subject is part of: its class, and the agency above it."""

    subject_class: str | None = None
    superior: str | None = None


NO_AFFILIATION = Affiliation()


def route(department: str, seat: str | None, agencies: Agencies, levels: tuple[Level, ...] = LEVELS) -> str | None:
    """The department's agency at the first of `levels` at or above the seat that has one."""
    places = at_or_above(seat or "")
    for level in levels:
        agency = agencies.at(department, places[level]) if level in places else None
        if agency is not None:
            return agency
    return None


@lru_cache(maxsize=4096)
def obligations_for(
    catalogue: Catalogue,
    item: str,
    seat: str | None,
    agencies: Agencies,
    subject_kind: SubjectKind = "organisation",
    of: Affiliation = NO_AFFILIATION,
) -> tuple[Planned, ...]:
    """Every obligation a record of this item gives rise to, in the order of the measures list; then the notices.

    A pair of measure and department without agency is planned all the same, so that it stays visible.
    """
    acting = tuple(
        _plan(catalogue, measure, department, seat, agencies)
        for measure, department in catalogue.measures_for(item)
        if subject_kind in measure.applies_to and measure.citation is not None
    )
    told = catalogue.notices_for(item, of.subject_class)
    return acting + tuple(
        _notice(rule, _plan(catalogue, measure, department, seat, agencies), agencies, of)
        for rule, measure, department in told
        if subject_kind in measure.applies_to and measure.citation is not None
    )


def _notice(rule: NoticeRule, plan: Planned, agencies: Agencies, of: Affiliation) -> Planned:
    """The same to whom the rule names; a superior that is no agency in force is nobody yet."""
    if rule.to == "departments":
        return replace(plan, rule=f"{rule.id} ({of.subject_class}); {plan.rule}")
    agency = of.superior if of.superior in agencies.ids else None
    named = f"{rule.id} ({of.subject_class}): {of.superior or '?'} → {agency or '-'}"
    return replace(plan, agency=agency, rule=named)


def _plan(catalogue: Catalogue, measure: Measure, department: str, seat: str | None, agencies: Agencies) -> Planned:
    rule = catalogue.routing_rule(department)
    agency = route(department, seat, agencies, rule.levels) if rule else None
    assert measure.citation is not None  # without one it was not asked for
    return Planned(
        measure_id=measure.id,
        department=department,
        agency=agency,
        clause=measure.citation,
        rule=_explain(catalogue, measure, department, seat, agency, rule),
        catalogue=catalogue.version,
    )


def _explain(
    catalogue: Catalogue,
    measure: Measure,
    department: str,
    seat: str | None,
    agency: str | None,
    rule: RoutingRule | None,
) -> str:
    named = [
        code for code in measure.departments if code != department and catalogue.successors.get(code) == department
    ]
    succession = f"; {', '.join(named)} → {department}" if named else ""
    return f"{rule.id if rule else NO_RULE}: {seat or '?'} → {agency or '-'}{succession}"


def _in_force(agency: Agency, on: date) -> bool:
    return (agency.valid_from is None or agency.valid_from <= on) and (agency.valid_to is None or on < agency.valid_to)
