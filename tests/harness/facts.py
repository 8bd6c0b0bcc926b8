"""Understands how to make facts for tests: canonical events with defaults, of synthetic subjects only."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

from credithub.domain.events import CreditEvent
from credithub.domain.text import fold_document_number

JsonObject = dict[str, Any]
_numbers = itertools.count(1)

LICENCE = {"licence": {"category": "普通", "content": "准予"}}


def fact(
    kind: str = "licence.granted",
    item: str = "licence",
    *,
    org: str | None = "PDY900077",
    number: str | None = None,
    data: JsonObject | None = None,
    n: int | None = None,
    **changed: Any,
) -> CreditEvent:
    """One event as ingest would send it. Each call is another fact unless `n` and `number` say otherwise."""
    n = next(_numbers) if n is None else n
    number = number or f"证字〔2026〕{n}号"
    data = LICENCE if data is None else data
    values: JsonObject = {
        "kind": kind,
        "source": "//mnr-130822/test",
        "id": f"{kind}-{n:06d}",
        "digest": hashlib.sha256(f"{kind}{number}{data}".encode()).hexdigest(),
        "submission": f"sub_{n:032x}_test",
        "index": 0,
        "supplier": "mnr-130822",
        "received_at": "2026-11-20T08:00:00.000000Z",
        "time": None,
        "catalogue": "2026-illustrative.2",
        "mapping": None,
        "item": item,
        "form": "event",
        "row": None,
        "file": None,
        "name": "演示公司",
        "unified_code": f"91130822{org}X" if org else None,
        "organisation_code": org,
        "legacy": (),
        "document": {"number": number, "issuer": "某县某局", "decided_on": "2026-11-01"},
        "folded_number": fold_document_number(number),
        "content": hashlib.sha256(f"{data}".encode()).hexdigest(),
        "data": data,
    }
    return CreditEvent(**(values | changed))


def debtor(number: str, org: str | None = "PDY900077", **changed: Any) -> CreditEvent:
    data = {"debtor": {"court": "某县人民法院", "case_number": number, "duty": "支付货款"}}
    return fact("judgment-debtor.listed", "judgment-debtor", org=org, number=number, data=data, **changed)


def removal(number: str, org: str | None = "PDY900077", **changed: Any) -> CreditEvent:
    data = {"removal": {"case_number": number, "reason": "performed", "removed_on": "2026-11-19"}}
    return fact("judgment-debtor.removed", "judgment-debtor", org=org, number=f"删{number}", data=data, **changed)


def registration(
    org: str, *, seat: str = "130822", legacy: tuple[tuple[str, str], ...] = (), **changed: Any
) -> CreditEvent:
    data = {
        "registration": {
            "name": "演示公司", "kind": "organisation", "seat": seat, "status": "active", "effective_on": "2020-01-01",
            "legacy": [{"scheme": scheme, "value": value} for scheme, value in legacy],
        }
    }  # fmt: skip
    return fact("subject.registered", "registration", org=org, data=data, **changed)
