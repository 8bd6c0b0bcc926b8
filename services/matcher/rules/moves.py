"""Understands what may become of an obligation, and how its agency is told: decisions only, no I/O and no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from credithub.domain.catalogue import Measure
from credithub.domain.notifications import Carried, DeliveryReport, Feedback, Kind, Notification, lane_of, message_id
from credithub.domain.routing import Planned

JsonObject: TypeAlias = dict[str, Any]
OVER = frozenset({"lifting", "lifted", "cancelled"})  # the fact has ended; nothing is to be done any more


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


def lifted(obligation: Obligation, epoch: int) -> Obligation:
    """The fact has ended: the obligation is lifting, whatever had been answered; its due date is void."""
    return replace(
        obligation, state="lifting", suspended=False, due_on=None, epoch=epoch, version=obligation.version + 1
    )


def corrected(obligation: Obligation, epoch: int) -> Obligation:
    """The record says something new: the same duty under a new version."""
    return replace(obligation, epoch=epoch, version=obligation.version + 1)


def carried(obligation: Obligation) -> Carried:
    if obligation.state in OVER:
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
        message=message or message_id(obligation.obligation, obligation.epoch, obligation.version),
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


# --------------------------------------------------------------------------------------------------- answers
Refusal: TypeAlias = Literal[
    "obligation-unknown", "version-unknown", "version-old", "reason-required", "reason-unknown", "nothing-to-confirm"
]


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that does not fit, with the stable code that its agency is told."""

    code: Refusal


def answered(obligation: Obligation, feedback: Feedback, decline_reasons: Sequence[str]) -> Obligation | Refused:
    """Moves an obligation by an answer; answers overtake receipts, so any later state follows from any earlier."""
    if feedback.agency != obligation.agency:
        return Refused("obligation-unknown")  # the same as for one that does not exist
    if (feedback.epoch, feedback.version) > (obligation.epoch, obligation.version):
        return Refused("version-unknown")
    if feedback.answer == "lift-confirmed":
        return _lift_confirmed(obligation, feedback)
    if feedback.answer == "suspension-confirmed":
        return _suspension_confirmed(obligation, feedback)
    if feedback.answer == "declined" and feedback.reason not in decline_reasons:
        return Refused("reason-unknown" if feedback.reason else "reason-required")
    return _executed(obligation, feedback) if feedback.answer == "executed" else _moved(obligation, feedback)


def _current(obligation: Obligation, feedback: Feedback) -> bool:
    return (feedback.epoch, feedback.version) == (obligation.epoch, obligation.version)


def _suspension_confirmed(obligation: Obligation, feedback: Feedback) -> Obligation | Refused:
    if not obligation.suspended:
        return Refused("nothing-to-confirm")
    current = _current(obligation, feedback)
    return replace(obligation, answer="suspension-confirmed") if current else Refused("version-old")


def _lift_confirmed(obligation: Obligation, feedback: Feedback) -> Obligation | Refused:
    if obligation.state == "lifted":
        return obligation  # said twice
    if obligation.state != "lifting":
        return Refused("nothing-to-confirm")
    current = _current(obligation, feedback)
    return replace(obligation, state="lifted", answer="lift-confirmed") if current else Refused("version-old")


def _executed(obligation: Obligation, feedback: Feedback) -> Obligation:
    """A truthful late `executed` is recorded and keeps the lift owed."""
    if obligation.state in OVER:
        return replace(obligation, executed=True, state="lifting")
    return replace(_moved(obligation, feedback), executed=True)


RANK = {"triggered": 0, "delivered": 1, "acknowledged": 2, "declined": 3, "executed": 3}


def _moved(obligation: Obligation, feedback: Feedback) -> Obligation:
    if obligation.state in OVER or RANK[feedback.answer] < RANK[obligation.state]:
        return obligation  # recorded as said, but the state is further on
    return replace(obligation, state=feedback.answer, answer=feedback.answer, reason=feedback.reason)


def reported(obligation: Obligation, report: DeliveryReport) -> Obligation:
    """Moves an obligation by what the notifier says of its notification."""
    if report.outcome == "cancelled" and obligation.state == "lifting":
        same = (report.epoch, report.version) == (obligation.epoch, obligation.version)
        return replace(obligation, state="cancelled") if same else obligation
    if report.outcome == "delivered" and obligation.state == "triggered":
        return replace(obligation, state="delivered")
    return obligation
