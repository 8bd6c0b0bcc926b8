"""Understands what an agency's answer, or the notifier's report, does to an obligation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from credithub.domain.notifications import DeliveryReport, Feedback
from services.matcher.rules.moves import Obligation

Refusal: TypeAlias = Literal[
    "obligation-unknown", "version-unknown", "version-old", "reason-required", "reason-unknown", "nothing-to-confirm"
]
RANK = {"triggered": 0, "delivered": 1, "acknowledged": 2, "declined": 3, "executed": 3}


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer that does not fit, with the stable code that its agency is told."""

    code: Refusal


def answered(
    obligation: Obligation, feedback: Feedback, decline_reasons: Sequence[str], at: datetime, *, epoch: int = 0
) -> Obligation | Refused:
    """Moves an obligation by an answer; answers overtake receipts, so any later state follows from any earlier.

    `epoch`: the hub's. What an agency did of a version above ours and of an older epoch it did: a restore cut off the
    timeline in which it was told so. Such a confirmation confirms nothing of ours.
    """
    if feedback.agency != obligation.agency:
        return Refused("obligation-unknown")  # the same as for one that does not exist
    if obligation.state == "cancelled":
        return Refused("obligation-unknown")  # no attempt was ever begun: its agency cannot know of it
    above = (feedback.epoch, feedback.version) > (obligation.epoch, obligation.version)
    if above and feedback.epoch >= epoch:
        return Refused("version-unknown")
    if feedback.answer == "lift-confirmed":
        return _lift_confirmed(obligation, feedback, at)
    if feedback.answer == "suspension-confirmed":
        return _suspension_confirmed(obligation, feedback)
    if feedback.answer == "declined" and feedback.reason not in decline_reasons:
        return Refused("reason-unknown" if feedback.reason else "reason-required")
    return _executed(obligation, feedback, at) if feedback.answer == "executed" else _moved(obligation, feedback, at)


def _current(obligation: Obligation, feedback: Feedback) -> bool:
    return (feedback.epoch, feedback.version) == (obligation.epoch, obligation.version)


def _suspension_confirmed(obligation: Obligation, feedback: Feedback) -> Obligation | Refused:
    if not obligation.suspended:
        return Refused("nothing-to-confirm")
    if not _current(obligation, feedback):
        return Refused("version-old")
    return replace(obligation, answer="suspension-confirmed", confirmed=True)


def _lift_confirmed(obligation: Obligation, feedback: Feedback, at: datetime) -> Obligation | Refused:
    if obligation.state == "lifted":
        return obligation  # said twice
    if obligation.state != "lifting":
        return Refused("nothing-to-confirm")
    if not _current(obligation, feedback):
        return Refused("version-old")
    return replace(obligation, state="lifted", answer="lift-confirmed", confirmed=True, lifted_at=at)


def _executed(obligation: Obligation, feedback: Feedback, at: datetime) -> Obligation:
    """A truthful late `executed` is recorded and keeps the lift owed."""
    if obligation.over:
        at = obligation.executed_at or at
        return replace(obligation, executed=True, executed_at=at, state="lifting", confirmed=False, lifted_at=None)
    return replace(_moved(obligation, feedback, at), executed=True)


def _moved(obligation: Obligation, feedback: Feedback, at: datetime) -> Obligation:
    if obligation.over or RANK[feedback.answer] < RANK[obligation.state]:
        return obligation  # recorded as said, but the state is further on
    after = replace(obligation, state=feedback.answer, answer=feedback.answer, reason=feedback.reason)
    if feedback.answer == "acknowledged":
        return replace(after, acknowledged_at=obligation.acknowledged_at or at)
    if feedback.answer == "declined":
        return replace(after, declined_at=obligation.declined_at or at, overdue=False)
    return replace(after, executed_at=obligation.executed_at or at, overdue=False)


def reported(obligation: Obligation, report: DeliveryReport) -> Obligation:
    """Moves an obligation by what the notifier says of its notification."""
    if report.outcome == "cancelled" and obligation.state == "lifting":
        same = (report.epoch, report.version) == (obligation.epoch, obligation.version)
        return replace(obligation, state="cancelled") if same else obligation
    if report.outcome != "delivered":
        return obligation
    arrived = replace(obligation, delivered_at=obligation.delivered_at or datetime.fromisoformat(report.at))
    return replace(arrived, state="delivered") if obligation.state == "triggered" else arrived
