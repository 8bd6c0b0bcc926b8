"""Understands what a turn would end and make on an archive, counted from groups of rows that are alike."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from credithub.domain.catalogue.change import Change, Duty, Ending
from credithub.domain.routing import NO_AFFILIATION, Affiliation, Planned


class Group(NamedTuple):
    """Active records alike: of one item and kind of event, whose subjects have one seat, kind, class and superior."""

    item: str
    event: str
    seat: str | None
    kind: str
    of: Affiliation = NO_AFFILIATION


class Pair(NamedTuple):
    """A line of the preview: how many obligations of one measure at one department."""

    item: str
    measure: str
    department: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Adding:
    """One pair that every record of a group gets which began on `begun_from` or later and has none yet."""

    group: Group
    plan: Planned
    begun_from: date | None


@dataclass(slots=True)
class Preview:
    """Fed with groups, in the order of its methods; holds as much as there are groups, however many rows they have."""

    change: Change
    endings: dict[Duty, Ending] = field(default_factory=dict[Duty, Ending])
    staying: dict[Duty, str] = field(default_factory=dict[Duty, str])  # to the department that answers today
    ends: Counter[tuple[Pair, Ending]] = field(default_factory=Counter[tuple[Pair, Ending]])
    addings: dict[tuple[Group, str, str], Adding] = field(default_factory=dict[tuple[Group, str, str], Adding])
    makes: Counter[tuple[Pair, bool]] = field(default_factory=Counter[tuple[Pair, bool]])  # bool: it has an agency

    def held(self, groups: Iterable[tuple[Duty, int]]) -> None:
        """Obligations in force, alike, with their number."""
        for duty, number in groups:
            ending = self.change.ends(duty)
            if ending is None:
                self.staying[duty] = self.change.department(duty)
            else:
                self.endings[duty] = ending
                self.ends[Pair(duty.item, duty.measure, duty.department), ending] += number

    def thresholds(self) -> list[date]:
        """The days by which active records are told apart: one that began before may be past a measure's own term."""
        return self.change.begun_days()

    def active(self, groups: Iterable[tuple[Group, int, int]]) -> None:
        """Records in force, alike: (group, how many thresholds lie at or before the day it began, number)."""
        days = self.thresholds()
        for group, bucket, number in groups:
            for plan in self.change.adds(*group):
                begun_from = self.change.begun_from(plan, group.seat)
                key = (group, plan.measure_id, plan.department)
                self.addings.setdefault(key, Adding(group=group, plan=plan, begun_from=begun_from))
                if begun_from is None or bucket >= bisect_right(days, begun_from):
                    self.makes[_made(self.addings[key])] += number

    def have_one(self, groups: Iterable[tuple[Group, str, str, int, int]]) -> None:
        """Records in force that have such an obligation: (group, measure, department of today, bucket, number)."""
        days = self.thresholds()
        for group, measure, department, bucket, number in groups:
            adding = self.addings.get((group, measure, department))
            if adding is None:
                continue
            if adding.begun_from is None or bucket >= bisect_right(days, adding.begun_from):
                self.makes[_made(adding)] -= number

    @property
    def measures(self) -> list[str]:
        """Those that the turn adds anywhere."""
        return sorted({measure for _, measure, _ in self.addings})

    def kept(self) -> Mapping[Duty, str]:
        """Obligations that would stand in the way of an added one."""
        added = set(self.measures)
        return {duty: department for duty, department in self.staying.items() if duty.measure in added}


def _made(adding: Adding) -> tuple[Pair, bool]:
    pair = Pair(adding.group.item, adding.plan.measure_id, adding.plan.department)
    return pair, adding.plan.agency is not None
