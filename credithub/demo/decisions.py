"""Understands the single events of a day: what the register says of organisations, and what the court decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias

from credithub.demo.organisations import DIVISION, Organisation
from credithub.demo.tables import APPROVAL, COURT, ECOLOGY, case_number, document_number
from credithub.domain.events import type_of

JsonObject: TypeAlias = dict[str, Any]
FOUNDED = "2019-03-01"  # of every organisation here; a registration says the same in every run


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One event to post, and who posts it."""

    supplier: str
    event: JsonObject

    @property
    def key(self) -> tuple[str, str]:
        return self.event["source"], self.event["id"]


def source_of(agency: str) -> str:
    """The source under which an agency of the demonstration reports."""
    return f"//{agency}/demo"


def registration(who: Organisation) -> Decision:
    """Always the same of one organisation: said again it is a duplicate."""
    data = {
        "subject": _subject(who) | dict(who.legacy),
        "document": {
            "name": "登记通知书",
            "number": f"（兴审批）登字〔2019〕第{who.number:05d}号",
            "issuer": APPROVAL.name,
            "decided_on": FOUNDED,
        },
        "registration": {
            "name": who.name,
            "kind": "sole-trader" if who.sole_trader else "organisation",
            "seat": DIVISION,
            "registrar": APPROVAL.name,
            "status": "active",
            "effective_on": FOUNDED,
            "legacy": [{"scheme": scheme, "value": value} for scheme, value in who.legacy],
        },
    }
    return _decision(APPROVAL.agency, "subject.registered", f"registration-{who.number:05d}", data)


def listing(who: Organisation, number: int, run: int, today: date) -> Decision:
    """The court lists an organisation as a judgment debtor."""
    data = {
        "subject": _subject(who),
        "document": _judgment("失信决定书", case_number(number, run, today), today),
        "debtor": {
            "court": COURT.name,
            "case_number": case_number(number, run, today),
            "basis_number": f"（{today.year - 1}）冀0822民初{run:03d}{number:03d}号",
            "basis_unit": COURT.name,
            "filed_on": (today - timedelta(days=120)).isoformat(),
            "published_on": today.isoformat(),
            "duty": "支付货款及利息（演示）",
            "performance": "全部未履行",
            "circumstances": "有履行能力而拒不履行生效法律文书确定义务",
        },
    }
    return _decision(COURT.agency, "judgment-debtor.listed", f"listing-{run:04d}-{number:03d}", data)


def removal(who: Organisation, number: int, run: int, today: date) -> Decision:
    """The court takes an organisation off the list: the debt was paid."""
    case = case_number(number, run, today)
    data = {
        "subject": _subject(who),
        "document": _judgment("删除失信信息决定书", case + "之二", today),
        "removal": {"case_number": case, "reason": "performed", "removed_on": today.isoformat()},
    }
    return _decision(COURT.agency, "judgment-debtor.removed", f"removal-{run:04d}-{number:03d}", data)


def fine(who: Organisation, number: int, run: int, today: date, *, yuan: str = "5000.00") -> Decision:
    """One penalty by event. Another sum under the same id is a conflict."""
    data = {
        "subject": _subject(who),
        "document": {
            "number": document_number(ECOLOGY, "罚", run, number, today),
            "issuer": ECOLOGY.name,
            "decided_on": today.isoformat(),
        },
        "penalty": {
            "offence": "未按规定保存台账",
            "facts": "演示：未保存危险废物管理台账",
            "basis": "《中华人民共和国固体废物污染环境防治法》第一百一十二条",
            "category": "罚款",
            "content": f"罚款人民币{yuan}元（演示）",
            "fine_yuan": yuan,
        },
    }
    return _decision(ECOLOGY.agency, "penalty.imposed", f"fine-{run:04d}-{number:03d}", data)


def _subject(who: Organisation) -> JsonObject:
    return {"name": who.name, "unified_code": who.unified_code}


def _judgment(name: str, number: str, today: date) -> JsonObject:
    return {"name": name, "number": number, "issuer": COURT.name, "decided_on": today.isoformat()}


def _decision(agency: str, kind: str, id_: str, data: Mapping[str, Any]) -> Decision:
    event = {
        "specversion": "1.0",
        "type": type_of(kind),
        "source": source_of(agency),
        "id": id_,
        "datacontenttype": "application/json",
        "data": dict(data),
    }
    return Decision(supplier=agency, event=event)
