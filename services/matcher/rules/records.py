"""Understands what a record is between its entry and its end, and what one step in its life leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
State: TypeAlias = Literal["active", "withdrawn", "repaired", "expired", "removed", "deleted"]
HoldKind: TypeAlias = Literal["objection", "shielding"]
Hold: TypeAlias = tuple[HoldKind, str]
Effect: TypeAlias = Literal["corrected", "suspended", "resumed", "lifted"]  # in the order in which agencies are told

ENDS_OF: Mapping[State, frozenset[State]] = {  # the state chart: what may follow what
    "active": frozenset({"withdrawn", "repaired", "expired", "removed", "deleted"}),
    "repaired": frozenset({"withdrawn", "deleted"}),
    "expired": frozenset({"withdrawn", "deleted"}),
    "removed": frozenset({"withdrawn", "deleted"}),
    "withdrawn": frozenset({"deleted"}),
    "deleted": frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """One objection; each of the two that verify has its own due date."""

    number: str
    by: Literal["subject", "agency"]
    filed_by: str
    ground: str
    statement: str
    document: JsonObject
    state: str
    opened_at: str
    determining: str
    supplier_due_on: str | None
    collector_due_on: str | None
    supplier_finding: str | None = None
    supplier_statement: str | None = None
    supplier_at: str | None = None
    collector_finding: str | None = None
    collector_statement: str | None = None
    collector_at: str | None = None
    closed_at: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """One application for repair, free of charge, before the organ that determined the record."""

    number: str
    filed_by: str
    determining: str
    statement: str | None
    commitment: bool
    duty_done_on: str | None
    duty_document: str | None
    document: JsonObject
    state: Literal["applied", "granted", "refused", "overtaken"]
    applied_at: str
    due_on: str | None
    decided_at: str | None = None
    reason: str | None = None
    citation: JsonObject | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One reason why a record is suspended. Closed before it was opened: `opened_at` is None."""

    hold: Hold
    opened_at: str | None
    closed_at: str | None = None
    ground: str | None = None
    outcome: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A record as it stands, with all that is open about it."""

    organisation_code: str
    record: str
    item: str
    kind: str
    state: State
    version: int
    supplier: str
    catalogue: str
    content: str
    severity: str | None
    repairable_from: date | None
    in_conflict: bool = False
    name: str = ""  # of its subject, as the record has it
    document: JsonObject = field(default_factory=dict[str, Any])
    notes: tuple[JsonObject, ...] = ()
    end_reason: JsonObject | None = None
    holds: Mapping[Hold, Held] = field(default_factory=dict[Hold, Held])
    objections: Mapping[str, Objection] = field(default_factory=dict[str, Objection])
    repairs: Mapping[str, Repair] = field(default_factory=dict[str, Repair])

    @property
    def key(self) -> tuple[str, str]:
        return (self.organisation_code, self.record)

    @property
    def open(self) -> frozenset[Hold]:
        """Why the record is suspended: a set, so that one outcome does not end another's doubt (interleavings 27)."""
        return frozenset(h for h, held in self.holds.items() if held.opened_at and held.closed_at is None)

    @property
    def disputed(self) -> bool:
        return any(kind == "objection" for kind, _ in self.open)

    @property
    def shielded(self) -> bool:
        return any(kind == "shielding" for kind, _ in self.open)

    def may_become(self, state: State) -> bool:
        return state in ENDS_OF[self.state]

    def holding(self, held: Held) -> Life:
        return replace(self, holds={**self.holds, held.hold: held})

    def objecting(self, objection: Objection) -> Life:
        return replace(self, objections={**self.objections, objection.number: objection})

    def repairing(self, repair: Repair) -> Life:
        return replace(self, repairs={**self.repairs, repair.number: repair})


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """The new content of a record, as ingest normalised it."""

    data: JsonObject
    content: str
    source: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that falls due: on which day first, or never again (None)."""

    kind: str
    ref: str
    fires_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one event does to a record: how it is afterwards, what agencies are told, what falls due."""

    life: Life
    change: str
    effects: tuple[Effect, ...] = ()
    reason: JsonObject | None = None
    correction: Correction | None = None
    moments: tuple[Moment, ...] = ()
    settles: bool = False  # what other sources said differently


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why an event is not taken, with the stable code and the field it lies in."""

    code: str
    field: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Awaits:
    """The event speaks of an objection or application nobody has filed yet: it waits for it."""

    what: str


Outcome: TypeAlias = Step | Refused | Awaits


def suspending(before: Life, after: Life) -> tuple[Effect, ...]:
    """What the change of the set of holds means for obligations."""
    if after.state != "active":
        return ()
    if after.open and not before.open:
        return ("suspended",)
    return ("resumed",) if before.open and not after.open else ()
