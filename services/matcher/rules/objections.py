"""Understands an objection: it suspends at once, two verify it, and its outcome corrects, withdraws or resumes.

国发〔2016〕33号 四(二十二): measures are not executed while the information is being verified.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

from credithub.domain.events import CreditEvent
from services.matcher.rules.changes import because, correction_of, ended
from services.matcher.rules.records import Awaits, Held, Life, Moment, Objection, Outcome, Refused, Step, suspending

Due = Callable[[str, date], date | None]  # a period's id and a start: the last day, None where none is set
VERIFIERS = ("supplier", "collector")
OVERTAKEN = {  # an outcome that leaves the record as it is, or finds it ended already
    "withdrawn-by-filer": "objection-withdrawn", "upheld-withdrawn": "objection-upheld",
    "upheld-corrected": "objection-upheld",
}  # fmt: skip


def awaited(number: str) -> str:
    return f"objection:{number}"


def opened(life: Life, event: CreditEvent, on: date, due: Due) -> Outcome:
    said = event.data["objection"]
    number = said["number"]
    if number in life.objections:
        return Refused(code="conflict", field="objection.number", value=number)
    if life.state != "active":
        return Refused(code="record-ended", field="record", value=life.state)
    before = life.holds.get(("objection", number))
    days = {who: due(f"objection-verify-{who}", on) for who in VERIFIERS}
    objection = Objection(
        number=number, by=said["by"], filed_by=event.supplier, ground=said["ground"], statement=said["statement"],
        document=event.document, state="open", opened_at=event.received_at, determining=life.supplier,
        supplier_due_on=_iso(days["supplier"]), collector_due_on=_iso(days["collector"]),
    )  # fmt: skip
    hold = Held(hold=("objection", number), opened_at=event.received_at, ground=said["ground"])
    if before is not None:  # its outcome came first and closed it (interleavings 27)
        closed = replace(objection, state=before.outcome or "refused", closed_at=before.closed_at)
        after = life.objecting(closed).holding(replace(hold, closed_at=before.closed_at, outcome=before.outcome))
        return Step(life=after, change="objection-closed-before")
    after = life.objecting(objection).holding(hold)
    moments = tuple(
        Moment(kind="verify-due", ref=f"{number}|{who}", fires_on=_next(day)) for who, day in days.items() if day
    )
    return Step(
        life=after, change="disputed", effects=suspending(life, after), moments=moments,
        reason=because("disputed", event, objection=number, ground=said["ground"]),
    )  # fmt: skip


def verified(life: Life, event: CreditEvent) -> Outcome:
    number, said = event.data["objection"]["number"], event.data["verification"]
    objection = life.objections.get(number)
    if objection is None:
        return Awaits(what=awaited(number))
    if said["by"] == "supplier":
        after = replace(
            objection, supplier_finding=said["finding"], supplier_statement=said["statement"],
            supplier_at=event.received_at,
        )  # fmt: skip
    else:
        after = replace(
            objection, collector_finding=said["finding"], collector_statement=said["statement"],
            collector_at=event.received_at,
        )  # fmt: skip
    return Step(
        life=life.objecting(after), change=f"verified-by-{said['by']}",
        reason={"objection": number, "finding": said["finding"]},
        moments=(Moment(kind="verify-due", ref=f"{number}|{said['by']}", fires_on=None),),
    )  # fmt: skip


def closed(life: Life, event: CreditEvent) -> Outcome:
    number, said = event.data["objection"]["number"], event.data["closing"]
    objection = life.objections.get(number)
    outcome: str = said["outcome"]
    if objection is not None and objection.state != "open":
        return Refused(code="conflict", field="objection.number", value=objection.state)
    if (
        objection is not None
        and outcome == "refused"
        and not (objection.supplier_finding and objection.collector_finding)
    ):
        return Refused(code="verification-missing", field="closing.outcome", value=number)
    if outcome == "upheld-corrected" and "correction" not in said:
        return Refused(code="required-missing", field="closing.correction")
    if outcome == "upheld-corrected" and said["correction"]["kind"] != life.kind:
        return Refused(code="enumeration-unknown", field="closing.correction.kind", value=said["correction"]["kind"])
    known = life.holds.get(("objection", number))
    hold = known or Held(hold=("objection", number), opened_at=None)
    after = life.holding(replace(hold, closed_at=event.received_at, outcome=outcome))
    if objection is not None:
        after = after.objecting(replace(objection, state=outcome, closed_at=event.received_at, reason=said["reason"]))
    return _concluded(life, after, event)


def _concluded(life: Life, after: Life, event: CreditEvent) -> Step:
    number, said = event.data["objection"]["number"], event.data["closing"]
    over = tuple(Moment(kind="verify-due", ref=f"{number}|{who}", fires_on=None) for who in VERIFIERS)
    if said["outcome"] == "upheld-withdrawn" and after.may_become("withdrawn"):
        reason = because("withdrawn", event, said=said["reason"], objection=number, restoration=True)
        step = ended(after, "withdrawn", reason, "objection-upheld")
        return replace(step, moments=(*step.moments, *over))
    if said["outcome"] == "upheld-corrected" and life.state not in ("withdrawn", "deleted"):
        correction = correction_of(life, said["correction"], event)
        after = replace(after, version=life.version + 1, content=correction.content, in_conflict=False)
        return Step(
            life=after, change="objection-upheld", effects=("corrected", *suspending(life, after)), moments=over,
            reason=because("objection-upheld", event, said=said["reason"], objection=number, restoration=True),
            correction=correction, settles=True,
        )  # fmt: skip
    code = OVERTAKEN.get(said["outcome"], "objection-refused")
    return Step(
        life=after, change=code, effects=suspending(life, after), moments=over,
        reason=because(code, event, said=said["reason"], objection=number),
    )  # fmt: skip


def late(life: Life, number: str, who: str) -> bool:
    """Whether this one still owes its verification when the due date has passed."""
    objection = life.objections.get(number)
    if objection is None or objection.state != "open":
        return False
    return (objection.supplier_finding if who == "supplier" else objection.collector_finding) is None


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _next(day: date) -> date:
    return date.fromordinal(day.toordinal() + 1)
