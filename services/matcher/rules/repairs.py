"""Understands repair: one free application, the organ that determined decides, and a grant ends the record for all.

国办发〔2020〕49号 六(十一)(十二): everything can be repaired unless law or central policy says not; no fee in any form.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from credithub.domain.catalogue import RepairRule
from credithub.domain.events import CreditEvent
from services.matcher.rules.changes import because, ended
from services.matcher.rules.objections import Due
from services.matcher.rules.records import Awaits, Life, Moment, Outcome, Refused, Repair, Step


def awaited(number: str) -> str:
    return f"repair:{number}"


def applied(life: Life, event: CreditEvent, on: date, due: Due, rule: RepairRule | None) -> Outcome:
    said = event.data["repair"]
    if said["number"] in life.repairs:
        return Refused(code="conflict", field="repair.number", value=said["number"])
    if life.state != "active":
        return Refused(code="record-ended", field="record", value=life.state)
    if refusal := unmet(life, said.get("duty_done_on"), bool(said["commitment"]), on, rule):
        return refusal
    last = due("repair-decide", on)
    repair = Repair(
        number=said["number"], filed_by=event.supplier, determining=life.supplier, statement=said.get("statement"),
        commitment=bool(said["commitment"]), duty_done_on=said.get("duty_done_on"),
        duty_document=said.get("duty_document"), document=event.document, state="applied",
        applied_at=event.received_at, due_on=last.isoformat() if last else None,
    )  # fmt: skip
    fires = date.fromordinal(last.toordinal() + 1) if last else None
    moments = (Moment(kind="repair-due", ref=said["number"], fires_on=fires),) if fires else ()
    return Step(
        life=life.repairing(repair), change="repair-applied", reason={"repair": said["number"]}, moments=moments
    )


def unmet(life: Life, duty_done_on: str | None, commitment: bool, on: date, rule: RepairRule | None) -> Refused | None:
    """The first condition of the rule that does not hold on this day; None when repair is possible."""
    if rule is None:
        return None
    if rule.not_repairable is not None:
        citation = rule.not_repairable
        return Refused(code="repair-not-repairable", field="record", value=f"{citation.document} {citation.clause}")
    if "duty-done" in rule.conditions and not duty_done_on:
        return Refused(code="repair-duty-undone", field="repair.duty_done_on")
    if "commitment" in rule.conditions and not commitment:
        return Refused(code="repair-commitment-missing", field="repair.commitment")
    if "minimum-period" in rule.conditions and life.repairable_from and on < life.repairable_from:
        return Refused(code="repair-too-early", field="record", value=life.repairable_from.isoformat())
    return None


def decided(life: Life, event: CreditEvent) -> Outcome:
    number, said = event.data["repair"]["number"], event.data["decision"]
    repair = life.repairs.get(number)
    if repair is None:
        return Awaits(what=awaited(number))
    if repair.state != "applied":
        return Refused(code="conflict", field="repair.number", value=repair.state)
    over = Moment(kind="repair-due", ref=number, fires_on=None)
    after = replace(
        repair,
        state=said["outcome"],
        decided_at=event.received_at,
        reason=said["reason"],
        citation=said.get("citation"),
    )
    if said["outcome"] == "granted":
        step = ended(life.repairing(after), "repaired", because("repaired", event, repair=number))
        return replace(step, moments=(*step.moments, over))
    if not said.get("citation"):
        return Refused(code="repair-citation-missing", field="decision.citation")
    return Step(
        life=life.repairing(after), change="repair-refused", moments=(over,),
        reason={"repair": number, "said": said["reason"], "citation": said["citation"]},
    )  # fmt: skip
