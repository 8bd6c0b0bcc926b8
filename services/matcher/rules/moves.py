"""Understands what may become of an obligation, and how its agency is told: decisions only, no I/O and no clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeAlias

from credithub.domain.catalogue import Measure
from credithub.domain.notifications import Carried, Kind, Notification, lane_of, message_id
from credithub.domain.routing import Planned

JsonObject: TypeAlias = dict[str, Any]
OVER = frozenset({"lifting", "lifted", "cancelled"})  # the fact has ended; nothing is to be done any more
UNANSWERED = frozenset({"triggered", "delivered", "acknowledged"})  # to have read it is no answer yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """One obligation as it lies in the archive."""

    organisation_code: str
    obligation: str
    case_id: str
    record: str
    item: str
    measure: str
    department: str
    agency: str
    round: int
    epoch: int
    version: int
    state: str
    suspended: bool
    executed: bool
    mandatory: bool
    due_on: str | None
    answer: str | None
    reason: str | None
    catalogue: str
    explain: JsonObject
    overdue: bool = False
    confirmed: bool = False  # the suspension or the lift, at this version
    suspended_at: datetime | None = None
    delivered_at: datetime | None = None
    acknowledged_at: datetime | None = None
    executed_at: datetime | None = None
    declined_at: datetime | None = None
    lifted_at: datetime | None = None
    reminded: int = 0
    escalated: int = 0
    term_until: str | None = None  # the measure's own last day
    lift_reason: JsonObject | None = None
    scope: str | None = None  # the region that took the case over; None: by the subject's seat

    @property
    def over(self) -> bool:
        return self.state in OVER

    @property
    def owed(self) -> bool:
        """Whether an answer may still be due: only to what is mandatory, in force and not answered."""
        return self.mandatory and self.state in UNANSWERED and not self.suspended

    @property
    def holding(self) -> bool:
        """Whether its agency has yet to say that it has let go."""
        return self.state == "lifting" or (self.suspended and not self.confirmed and not self.over)


def measure_as_told(measure: Measure, plan: Planned) -> JsonObject:
    """What an obligation says of its measure, and why it exists (law 10)."""
    return {
        "measure": {
            "id": measure.id, "name_zh": measure.name_zh, "name_en": measure.name_en, "effect": measure.effect,
            "class": measure.binding, "kind": measure.kind, "department": plan.department,
            "document": plan.clause.document, "clause": plan.clause.clause, "quote_zh": plan.clause.quote_zh,
        },
        "rule": plan.rule,
    }  # fmt: skip


# --------------------------------------------------------------------------------------------------- what happens to it
# Each gives the obligation itself where there is nothing to do. `asked`: whether its agency has to confirm; a partner
# (a bank, an association) is told and owes nothing.


def suspended(obligation: Obligation, epoch: int, at: datetime, *, asked: bool = True) -> Obligation:
    """Its record is in doubt: nothing is to be done, and nothing falls due."""
    if obligation.over or obligation.suspended:
        return obligation
    return replace(
        _next(obligation, epoch), suspended=True, suspended_at=at, confirmed=not asked, due_on=None, overdue=False
    )


def resumed(obligation: Obligation, epoch: int, due_on: str | None) -> Obligation:
    """In force again; what was not answered is due anew, on `due_on`."""
    if obligation.over or not obligation.suspended:
        return obligation
    again = replace(_next(obligation, epoch), suspended=False, confirmed=False)
    return replace(again, due_on=due_on if again.owed else None)


def lifted(
    obligation: Obligation, epoch: int, at: datetime, reason: JsonObject | None = None, *, asked: bool = True
) -> Obligation:
    """It has ended, whatever had been answered: lifting until its agency confirms."""
    if obligation.over:
        return obligation
    return replace(
        _next(obligation, epoch), state="lifting" if asked else "lifted", suspended=False, confirmed=False, due_on=None,
        overdue=False, lift_reason=reason, lifted_at=None if asked else at,
    )  # fmt: skip


def corrected(obligation: Obligation, epoch: int, *, asked: bool = True) -> Obligation:
    """The record says something new: the same duty under a new version; a suspension is to be confirmed anew."""
    if obligation.over:
        return obligation
    return replace(_next(obligation, epoch), confirmed=obligation.suspended and not asked)


def reissued(obligation: Obligation, epoch: int, *, asked: bool = True) -> Obligation:
    """Its agency may know a version of a timeline that a restore cut off: told once more (interleavings 36)."""
    again = _next(obligation, epoch)
    if not asked:
        return again
    return replace(again, state="lifting" if again.over else again.state, confirmed=False, lifted_at=None)


def late(obligation: Obligation, epoch: int) -> Obligation:
    """Its due date has passed without an answer: said once."""
    return replace(_next(obligation, epoch), overdue=True) if obligation.owed and not obligation.overdue else obligation


def reminded(obligation: Obligation) -> Obligation:
    """The same version is told again."""
    return replace(obligation, reminded=obligation.reminded + 1)


def escalated(obligation: Obligation) -> Obligation:
    """Somebody above its agency is told of it: nothing in it changes for the agency."""
    return replace(obligation, escalated=obligation.escalated + 1)


def _next(obligation: Obligation, epoch: int) -> Obligation:
    return replace(obligation, epoch=epoch, version=obligation.version + 1)


# --------------------------------------------------------------------------------------------------- how it is told
def carried(obligation: Obligation) -> Carried:
    if obligation.over:
        return "lifted"
    return "suspended" if obligation.suspended else "triggered"


def tell(
    obligation: Obligation,
    kind: Kind,
    *,
    subject: Mapping[str, object],
    record: Mapping[str, object],
    issued_at: str,
    reason: JsonObject | None = None,
    message: str | None = None,
) -> Notification:
    """The whole obligation at its version, as its agency is told."""
    state = carried(obligation)
    return Notification(
        message=message or message_of(obligation, kind),
        kind=kind,
        agency=obligation.agency,
        obligation=obligation.obligation,
        epoch=obligation.epoch,
        version=obligation.version,
        state=state,
        lane=lane_of(state),
        case=obligation.case_id,
        round=obligation.round,
        measure=obligation.explain["measure"],
        subject=dict(subject),
        record=dict(record),
        due_on=obligation.due_on,
        catalogue=obligation.catalogue,
        rule=obligation.explain["rule"],
        issued_at=issued_at,
        reason=reason,
    )


def message_of(obligation: Obligation, kind: Kind) -> str:
    """One id a version; a reminder repeats its version under one of its own."""
    message = message_id(obligation.obligation, obligation.epoch, obligation.version)
    return f"{message}.r{obligation.reminded}" if kind == "reminder" else message


def escalation(obligation: Obligation, superior: str, issued_at: str) -> Notification:
    """Tells the superior what its agency has not answered, and since when; nothing of the subject."""
    return Notification(
        message=f"escalated.{obligation.obligation}.{obligation.escalated}",
        kind="escalated",
        agency=superior,
        obligation=obligation.obligation,
        epoch=obligation.epoch,
        version=obligation.version,
        state="triggered",
        lane="rest",
        case=obligation.case_id,
        round=obligation.round,
        measure=obligation.explain["measure"],
        subject={},
        record={},
        due_on=obligation.due_on,
        catalogue=obligation.catalogue,
        rule=obligation.explain["rule"],
        issued_at=issued_at,
        reason={
            "code": "overdue", "agency": obligation.agency, "since": obligation.due_on,
            "text_zh": "所属部门逾期未反馈", "text_en": "its agency has not answered in time",
        },
    )  # fmt: skip
