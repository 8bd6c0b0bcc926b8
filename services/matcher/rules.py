"""Understands what a fact means for the archive and for those who must act: decisions only, no I/O and no clock."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from credithub.domain.catalogue import Catalogue, Measure
from credithub.domain.events import CreditEvent
from credithub.domain.notifications import Carried, DeliveryReport, Feedback, Kind, Notification, lane_of, message_id
from credithub.domain.routing import Planned
from credithub.domain.text import fold_document_number, fold_name

JsonObject: TypeAlias = dict[str, Any]
REGISTER_KINDS = frozenset({"subject.registered", "subject.changed", "subject.deregistered"})
OVER = frozenset({"lifting", "lifted", "cancelled"})  # the fact has ended; nothing is to be done any more


@dataclass(frozen=True, slots=True)
class Filed:
    """An event with its place in the archive: whose it is, which record it makes. None: its subject is not known."""

    event: CreditEvent
    organisation_code: str | None
    record: str | None
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A subject as the matcher locked it; `seq` is the last place handed out in its order."""

    organisation_code: str
    unified_code: str | None
    name: str | None
    kind: str
    seat: str | None
    status: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What the register says of a subject; None leaves what was said before."""

    organisation_code: str
    unified_code: str | None
    name: str | None
    kind: str | None
    seat: str | None
    status: str | None
    since: str | None


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


def file_event(event: CreditEvent, organisation_code: str | None, record_id: Callable[[str], str]) -> Filed:
    """Computes the fact identity (law 2): issuer, folded document number, subject, date, kind of fact."""
    issuer = fold_name(str(event.document.get("issuer") or event.document.get("issuer_code") or ""))
    if organisation_code is None:
        return Filed(event, None, None, issuer)
    decided = str(event.document.get("decided_on") or "")
    fact = f"{issuer}\n{event.folded_number}\n{organisation_code}\n{decided}\n{event.kind}"
    return Filed(event, organisation_code, record_id(hashlib.sha256(fact.encode()).hexdigest()), issuer)


def identifiers_of(event: CreditEvent) -> tuple[tuple[str, str], ...]:
    """By what an event without organisation code can be matched; a name alone only makes a candidate."""
    return event.legacy or (("name", fold_name(event.name)),)


def awaits_subject(identifier: tuple[str, str]) -> str:
    return f"{identifier[0]}:{identifier[1]}"


def awaits_record(organisation_code: str, item: str, folded_number: str) -> str:
    return f"record:{organisation_code}:{item}:{folded_number}"


def ends_what(event: CreditEvent, catalogue: Catalogue) -> str | None:
    """For the exit event of a list type: the folded number of the listing that it ends; otherwise None."""
    list_type = catalogue.list_type(event.item)
    if list_type is None or event.kind != list_type.exit.event:
        return None
    return fold_document_number(str(event.data.get("removal", {}).get("case_number", "")))


def triggers(event: CreditEvent, catalogue: Catalogue) -> bool:
    """Whether a record of this event opens a case: its item has measures, and it is not the exit from a list."""
    return bool(catalogue.measures_for(event.item)) and ends_what(event, catalogue) is None


def registered(event: CreditEvent, organisation_code: str) -> Registered:
    said = event.data.get("registration", {})
    status = "deregistered" if event.kind == "subject.deregistered" else said.get("status")
    return Registered(
        organisation_code=organisation_code,
        unified_code=event.unified_code,
        name=said.get("name") or event.name,
        kind=said.get("kind"),
        seat=said.get("seat"),
        status=status,
        since=said.get("effective_on"),
    )


def cross_walk(event: CreditEvent) -> list[tuple[str, str]]:
    """The other identifiers that the register says belong to the subject."""
    legacy = [(row["scheme"], row["value"]) for row in event.data.get("registration", {}).get("legacy", ())]
    return list(dict.fromkeys([*event.legacy, *legacy]))


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
