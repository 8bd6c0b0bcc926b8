"""Understands how to make what happens to a record for tests: changes, objections, repairs, lists, links, scope."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

from credithub import ids
from credithub.domain.events import CreditEvent
from credithub.domain.text import fold_document_number
from services.matcher.rules.filing import file_event
from tests.harness.facts import fact

JsonObject = dict[str, Any]
_numbers = itertools.count(1)
COURT = "spc-130822"
HUB = "hub"
ROLES = {
    "record": "change",
    "objection": "objection",
    "repair": "repair",
    "list": "entry",
    "subject": "link",
    "case": "case",
}


def record_of(event: CreditEvent) -> str:
    """The id of the record that a fact makes."""
    return file_event(event, event.organisation_code, ids.record_id).record or ""


def by_id(event: CreditEvent) -> JsonObject:
    return {"id": record_of(event)}


def by_number(event: CreditEvent) -> JsonObject:
    return {"item": event.item, "folded_number": event.folded_number, "issuer": None, "decided_on": None}


def about(of: CreditEvent, kind: str, data: JsonObject, *, by: str | None = None, **changed: Any) -> CreditEvent:
    """Something that happens to the record of `of`; `by` is its sender, at first whoever sent the fact."""
    target = changed.pop("target", None) or by_id(of)
    values: JsonObject = {
        "org": of.organisation_code,
        "data": {"record": target, **data},
        "supplier": by or of.supplier,
        "source": f"//{by or of.supplier}/test",
        "role": ROLES[kind.partition(".")[0]],
        "target": target,
    }
    return fact(kind, target.get("item", ""), **(values | changed))


def corrected(of: CreditEvent, said: JsonObject, **changed: Any) -> CreditEvent:
    content = hashlib.sha256(f"{said}".encode()).hexdigest()
    correction = {"kind": of.kind, "data": said, "content": content, "reason": "笔误"}
    return about(of, "record.corrected", {"correction": correction}, **changed)


def withdrawn(of: CreditEvent, **changed: Any) -> CreditEvent:
    said = {"reason": "issued-in-error", "withdrawn_on": "2026-11-20", "restore_reputation": True}
    return about(of, "record.withdrawn", {"withdrawal": said}, **changed)


def deleted(of: CreditEvent, **changed: Any) -> CreditEvent:
    return about(of, "record.deleted", {"deletion": {"reason": "法定删除"}}, **changed)


def annotated(of: CreditEvent, kind: str = "litigation", **changed: Any) -> CreditEvent:
    return about(of, "record.annotated", {"annotation": {"kind": kind, "text": "已提起行政诉讼"}}, **changed)


def shielded(of: CreditEvent, number: str = "屏1", until: str | None = None, **changed: Any) -> CreditEvent:
    said = {"number": number, "ground": "bankruptcy-reorganisation", "until": until}
    return about(of, "record.shielded", {"shielding": said}, **changed)


def unshielded(of: CreditEvent, number: str = "屏1", **changed: Any) -> CreditEvent:
    return about(of, "record.unshielded", {"shielding": {"number": number, "reason": "程序终结"}}, **changed)


def objected(
    of: CreditEvent, number: str = "异1", *, by: str = HUB, who: str = "subject", **changed: Any
) -> CreditEvent:
    said = {"number": number, "by": who, "ground": "facts", "statement": "该笔债务已履行"}
    return about(of, "objection.opened", {"objection": said}, by=by, **changed)


def verified(
    of: CreditEvent, number: str = "异1", *, who: str = "supplier", finding: str = "correct", **changed: Any
) -> CreditEvent:
    by = changed.pop("by", None) or (HUB if who == "collector" else of.supplier)
    said = {"by": who, "finding": finding, "statement": "经核实无误"}
    return about(of, "objection.verified", {"objection": {"number": number}, "verification": said}, by=by, **changed)


def settled(
    of: CreditEvent, number: str = "异1", outcome: str = "withdrawn-by-filer", *, by: str = HUB, **changed: Any
) -> CreditEvent:
    closing: JsonObject = {"outcome": outcome, "reason": "见核实结论"}
    if said := changed.pop("said", None):
        content = hashlib.sha256(f"{said}".encode()).hexdigest()
        closing["correction"] = {"kind": of.kind, "data": said, "content": content}
    return about(of, "objection.closed", {"objection": {"number": number}, "closing": closing}, by=by, **changed)


def repair_applied(of: CreditEvent, number: str = "修1", **changed: Any) -> CreditEvent:
    said = {"number": number, "commitment": True, "duty_done_on": "2026-11-10", **changed.pop("said", {})}
    return about(of, "repair.applied", {"repair": said}, by=changed.pop("by", HUB), **changed)


def repair_decided(of: CreditEvent, number: str = "修1", outcome: str = "granted", **changed: Any) -> CreditEvent:
    decision: JsonObject = {"outcome": outcome, "reason": "条件具备", **changed.pop("said", {})}
    return about(of, "repair.decided", {"repair": {"number": number}, "decision": decision}, **changed)


def notice(org: str, list_type: str, number: str, given_on: str = "2026-09-01", **changed: Any) -> CreditEvent:
    said = {"type": list_type, "number": number, "given_on": given_on, "facts": "拖欠", "rights": "陈述申辩"}
    values = {"org": org, "number": number, "data": {"listing": said}, "role": "notice"}
    return fact("list.notice-given", list_type, **(values | changed))


def listed(org: str, list_type: str, number: str, *, notice_number: str | None = None, **changed: Any) -> CreditEvent:
    said = {"type": list_type, "listed_on": "2026-11-01", "notice_number": notice_number, **changed.pop("said", {})}
    values = {"org": org, "number": number, "data": {"listing": said}, "role": "entry"}
    return fact("list.entered", list_type, **(values | changed))


def delisted(of: CreditEvent, **changed: Any) -> CreditEvent:
    number = of.document["number"]
    said = {"type": of.item, "number": number, "reason": "repaired", "removed_on": "2026-11-19"}
    values = {"org": of.organisation_code, "number": f"移{number}", "data": {"removal": said}, "role": "exit"}
    return fact("list.removed", of.item, **(values | changed))


def linked(kind: str, into: str, others: list[str], **changed: Any) -> CreditEvent:
    group = {"recoded": "recoding", "merged": "merger", "split": "division"}[kind]
    named: JsonObject = {"recoded": {"from": others[0]}, "merged": {"absorbed": others}, "split": {"into": others}}[
        kind
    ]
    data = {group: {**named, "effective_on": "2026-11-01", "evidence": "登记机关函"}}
    return fact(f"subject.{kind}", "registration", org=into, data=data, **({"role": "link"} | changed))


def unlinked(kind: str, into: str, others: list[str], **changed: Any) -> CreditEvent:
    data = {"reversal": {"kind": kind, "with": others, "reason": "登记有误"}}
    return fact("subject.link-reverted", "registration", org=into, data=data, **({"role": "link"} | changed))


def initiated(of: CreditEvent, scope: list[str], **changed: Any) -> CreditEvent:
    said = {"scope": scope, "reason": "跨区域经营", "basis": {"document": "国发〔2016〕33号", "clause": "四(十六)"}}
    return about(of, "case.initiated", {"case": said}, **changed)


def answered_scope(of: CreditEvent, division: str, answer: str = "accepted", **changed: Any) -> CreditEvent:
    said = {"division": division, "answer": answer, "reason": changed.pop("reason", None)}
    by = changed.pop("by", f"ndrc-{division}")
    return about(of, "case.scope-answered", {"case": said}, by=by, **changed)


def another(number: str) -> str:
    """The folded form under which a document's number is kept."""
    return fold_document_number(number)
