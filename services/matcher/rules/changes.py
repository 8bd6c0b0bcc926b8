"""Understands what a department does to its own record: correct, withdraw, annotate, shield, delete."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from credithub.domain.events import CreditEvent, content_of
from services.matcher.rules.records import (
    Correction,
    Held,
    JsonObject,
    Life,
    Moment,
    Outcome,
    Refused,
    State,
    Step,
    suspending,
)

TEXTS: dict[str, tuple[str, str]] = {  # why an obligation was lifted, as its agency reads it
    "withdrawn": ("信用记录已撤销", "the record was withdrawn"),
    "deleted": ("信用记录已删除", "the record was deleted"),
    "repaired": ("信用修复已准予", "repair was granted"),
    "expired": ("公示或名单期限届满", "its term has ended"),
    "removed": ("已移出名单", "removed from the list"),
    "corrected": ("信用记录已更正", "the record was corrected"),
    "disputed": ("异议核实期间暂停适用", "suspended while an objection is verified"),
    "shielded": ("信用信息暂时屏蔽", "shielded for the time being"),
    "objection-refused": ("异议不成立，恢复适用", "the objection was not upheld: in force again"),
    "objection-withdrawn": ("异议人撤回异议，恢复适用", "the objection was taken back: in force again"),
    "objection-upheld": ("异议成立，予以更正", "the objection was upheld and the record corrected"),
    "unshielded": ("屏蔽结束，恢复适用", "no longer shielded: in force again"),
}


def because(code: str, event: CreditEvent | None = None, **more: object) -> JsonObject:
    """A reason as agencies and history carry it: stable code, both languages, the document it rests on."""
    zh, en = TEXTS[code]
    reason: JsonObject = {"code": code, "text_zh": zh, "text_en": en, **more}
    if event is not None:
        reason["document"] = event.document
    return reason


def ended(life: Life, state: State, reason: JsonObject, change: str | None = None) -> Step:
    """The record ends: whatever is still open about it is overtaken, and everyone who may hold it is told."""
    repairs = {
        number: replace(repair, state="overtaken" if repair.state == "applied" else repair.state)
        for number, repair in life.repairs.items()
    }
    due = [Moment(kind=kind, ref=life.record, fires_on=None) for kind in ("display-ends", "term-ends")]
    due += [Moment(kind="repair-due", ref=r.number, fires_on=None) for r in repairs.values() if r.state == "overtaken"]
    after = replace(life, state=state, end_reason=reason, repairs=repairs)
    return Step(life=after, change=change or state, effects=("lifted",), reason=reason, moments=tuple(due))


def corrected(life: Life, event: CreditEvent) -> Outcome:
    said = event.data["correction"]
    if life.state in ("withdrawn", "deleted"):
        return Refused(code="record-ended", field="record", value=life.state)
    if said["kind"] != life.kind:
        return Refused(code="enumeration-unknown", field="correction.kind", value=said["kind"])
    correction = correction_of(life, said, event)
    return Step(
        life=replace(life, version=life.version + 1, content=correction.content, in_conflict=False),
        change="corrected",
        effects=("corrected",),
        reason=because("corrected", event, said=said.get("reason")),
        correction=correction,
        settles=True,
    )


def correction_of(life: Life, said: JsonObject, event: CreditEvent) -> Correction:
    """Name and document stay: the content is the one that a later export of the corrected fact will have."""
    content = said.get("content") or content_of(life.kind, life.name, life.document, said["data"])
    return Correction(data=said["data"], content=content, source=event.source, id=event.id)


def withdrawn(life: Life, event: CreditEvent) -> Outcome:
    if not life.may_become("withdrawn"):
        return Refused(code="record-ended", field="record", value=life.state)
    said = event.data["withdrawal"]
    restore = bool(said.get("restore_reputation"))
    return ended(life, "withdrawn", because("withdrawn", event, said=said["reason"], restoration=restore))


def deleted(life: Life, event: CreditEvent) -> Outcome:
    if not life.may_become("deleted"):
        return Refused(code="record-ended", field="record", value=life.state)
    return ended(life, "deleted", because("deleted", event, said=event.data["deletion"]["reason"]))


def annotated(life: Life, event: CreditEvent) -> Outcome:
    said = event.data["annotation"]
    if life.state == "deleted":
        return Refused(code="record-ended", field="record", value=life.state)
    note = {"kind": said["kind"], "text": said["text"], "at": event.received_at, "by": event.supplier}
    settles = said["kind"] == "conflict-settled"
    after = replace(life, notes=(*life.notes, note), in_conflict=life.in_conflict and not settles)
    return Step(life=after, change="annotated", reason={"code": said["kind"], "text": said["text"]}, settles=settles)


def shielded(life: Life, event: CreditEvent) -> Outcome:
    """A temporary effect, such as the court's in a reorganisation: neither shown nor used until it ends."""
    said = event.data["shielding"]
    if life.state != "active":
        return Refused(code="record-ended", field="record", value=life.state)
    before = life.holds.get(("shielding", said["number"]))
    closed = before.closed_at if before else None  # its end may have come first
    hold = Held(
        hold=("shielding", said["number"]), opened_at=event.received_at, closed_at=closed, ground=said["ground"],
        until=said.get("until"),
    )  # fmt: skip
    after = life.holding(hold)
    until = said.get("until")
    ends = Moment(
        kind="shield-ends", ref=_shielding(life, said["number"]), fires_on=_after(until) if until and not closed else None
    )  # fmt: skip
    return Step(
        life=after, change="shielded", effects=suspending(life, after), reason=because("shielded", event),
        moments=(ends,),
    )  # fmt: skip


def unshielded(life: Life, event: CreditEvent) -> Outcome:
    return end_shield(life, event.data["shielding"]["number"], event.received_at, event)


def end_shield(life: Life, number: str, at: str, event: CreditEvent | None = None) -> Step:
    known = life.holds.get(("shielding", number))
    hold = replace(known, closed_at=at) if known else Held(hold=("shielding", number), opened_at=None, closed_at=at)
    after = life.holding(hold)
    return Step(
        life=after, change="unshielded", effects=suspending(life, after), reason=because("unshielded", event),
        moments=(Moment(kind="shield-ends", ref=_shielding(life, number), fires_on=None),),
    )  # fmt: skip


def _shielding(life: Life, number: str) -> str:
    """One order of a court may shield several records of a subject."""
    return f"{life.record}|{number}"


def _after(last_day: str) -> date:
    return date.fromordinal(date.fromisoformat(last_day).toordinal() + 1)
