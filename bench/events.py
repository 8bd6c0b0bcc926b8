"""Understands the events that the bench sends: synthetic subjects, each fact once."""

from __future__ import annotations

import itertools
import secrets
from typing import Any

import orjson

from credithub.demo.synthetic import unified_code

RUN = secrets.token_hex(4)  # facts of this run are new even on an old data folder
SOURCE = "//samr-130822/bench"
SUBJECTS = 5_000
_numbers = itertools.count(1)


def licence() -> dict[str, Any]:
    """A CloudEvent of a licence that nobody has sent before."""
    n = next(_numbers)
    return _event(
        "licence.granted", n, {"licence": {"category": "普通", "content": "准予从事经营活动", "valid_to": None}}
    )


def penalty() -> dict[str, Any]:
    """A penalty; in the bench's catalogue it gives four obligations."""
    n = next(_numbers)
    said = {"offence": "违法行为", "facts": "事实", "basis": "依据", "category": "罚款", "content": "罚款"}
    return _event("penalty.imposed", n, {"penalty": said})


def registration(n: int) -> dict[str, Any]:
    """The register's word on the subject of number `n`: it is seated in 130822."""
    said: dict[str, Any] = {
        "name": "演示公司", "kind": "organisation", "seat": "130822", "registrar": "兴隆县市场监督管理局（演示）",
        "status": "active", "effective_on": "2020-01-01", "legacy": [],
    }  # fmt: skip
    return _event("subject.registered", n, {"registration": said})


def _event(kind: str, n: int, data: dict[str, Any]) -> dict[str, Any]:
    code = unified_code(n % SUBJECTS + 1)
    subject = {"name": "演示公司", "unified_code": code}
    document = {"number": f"测〔2026〕{RUN}-{n}号", "issuer": "兴隆县某局（演示）", "decided_on": "2026-11-01"}
    return {
        "specversion": "1.0",
        "type": f"credithub.{kind}.v1",
        "source": SOURCE,
        "id": f"{RUN}-{kind}-{n}",
        "subject": code,
        "time": "2026-11-20T08:00:00Z",
        "datacontenttype": "application/json",
        "data": {"subject": subject, "document": document, **data},
    }


def mixed(n: int, one_in: int = 10) -> list[dict[str, Any]]:
    """`n` events, one in `one_in` of which triggers."""
    return [penalty() if i % one_in == 0 else licence() for i in range(n)]


def batches(events: list[dict[str, Any]], size: int) -> list[bytes]:
    return [orjson.dumps(events[i : i + size]) for i in range(0, len(events), size)]
