"""Understands what departments write down: the data of one event of each kind, synthetic, with defaults."""

from __future__ import annotations

from typing import Any, TypeAlias

from credithub.demo.organisations import Organisation
from tests.harness.feedfiles import licence_row, licence_rows, with_rows

JsonObject: TypeAlias = dict[str, Any]
COURT, BUREAU = "演示县人民法院", "演示县自然资源局"


def subject(who: Organisation) -> JsonObject:
    return {"name": who.name, "unified_code": who.unified_code}


def old_subject(who: Organisation) -> JsonObject:
    """As a department names it that knows only its number of before 2015."""
    return {"name": who.name, "registration_number": who.registration_number}


def document(number: str, issuer: str = BUREAU, decided_on: str = "2026-11-02") -> JsonObject:
    return {"name": "决定书", "number": number, "issuer": issuer, "decided_on": decided_on}


def licence(about: JsonObject, number: str, content: str = "准予临时用地") -> JsonObject:
    return {"subject": about, "document": document(number), "licence": {"category": "普通", "content": content}}


def penalty(about: JsonObject, number: str, yuan: str = "5000.00") -> JsonObject:
    imposed = {
        "offence": "未按规定保存台账",
        "facts": "未保存管理台账",
        "basis": "《中华人民共和国固体废物污染环境防治法》第一百一十二条",
        "category": "罚款",
        "content": f"罚款人民币{yuan}元",
        "fine_yuan": yuan,
    }
    return {"subject": about, "document": document(number), "penalty": imposed}


def case_number(n: int) -> str:
    return f"（2026）演0822执{n}号"


def listing(about: JsonObject, case: str) -> JsonObject:
    debtor = {
        "court": COURT,
        "case_number": case,
        "basis_number": "（2025）演0822民初900号",
        "basis_unit": COURT,
        "filed_on": "2026-06-01",
        "published_on": "2026-11-06",
        "duty": "支付货款及利息",
        "performance": "全部未履行",
        "circumstances": "有履行能力而拒不履行生效法律文书确定义务",
    }
    return {"subject": about, "document": document(case, COURT, "2026-11-05"), "debtor": debtor}


def removal(about: JsonObject, case: str) -> JsonObject:
    removed = {"case_number": case, "reason": "performed", "removed_on": "2026-11-20"}
    return {"subject": about, "document": document(f"{case}之二", COURT, "2026-11-20"), "removal": removed}


def registration(who: Organisation, seat: str, *, legacy: bool = True) -> JsonObject:
    old = who.legacy if legacy else ()
    registered = {
        "name": who.name,
        "kind": "organisation",
        "seat": seat,
        "registrar": "演示县行政审批局",
        "status": "active",
        "effective_on": "2019-03-01",
        "legacy": [{"scheme": scheme, "value": value} for scheme, value in old],
    }
    paper = document(f"（演）登字〔2019〕第{who.number:05d}号", "演示县行政审批局", "2019-03-01")
    return {"subject": subject(who) | dict(old), "document": paper, "registration": registered}


def table(first: int, rows: int) -> bytes:
    """Sound licences from this number on; the numbers of one test are no other's, or its facts would be theirs."""
    return with_rows(licence_rows(1), [licence_row(first + n) for n in range(rows)]).to_csv()
