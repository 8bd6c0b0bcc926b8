"""Understands that what the gateway's doors write down is taken by ingest: every act, from everyone who may do it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from credithub.domain.events import CreditEvent
from services.ingest.judge import Judge
from tests.harness.asgi import Client
from tests.unit.gateway.desk import CODE, Desk, desk, shipped
from tests.unit.gateway.test_acts import OBJECTION, PAPER, RECORD, SAID, objection, record

FINDING = {"finding": "wrong", "statement": "录入有误"}
APPLICATION = {"record": RECORD, "number": "修8号", "commitment": True, "duty_done_on": "2026-10-08"}
SCOPE = {"record": RECORD, "scope": ["130900"], "reason": "多地经营", "document": PAPER,
         "basis": {"document": "国办发〔2020〕49号", "clause": "五(九)"}}  # fmt: skip
IDENTITY = {"source": "//s", "id": "1", "subject": CODE, "decision": "confirmed", "reason": "已核对执照"}
ACTS: list[tuple[str, str, dict[str, Any]]] = [
    ("operator", "/v1/objections", OBJECTION),
    ("agency", "/v1/objections", OBJECTION),
    ("operator", "/v1/objections/异1/verifications", FINDING),
    ("supplier", "/v1/objections/异1/verifications", FINDING),
    ("operator", "/v1/objections/异1/closing", {"outcome": "refused", "reason": "所列事实无误"}),
    ("supplier", "/v1/objections/异1/closing", {"outcome": "upheld-withdrawn", "reason": "异议成立"}),
    ("operator", "/v1/repairs", APPLICATION),
    ("supplier", "/v1/repairs", APPLICATION),
    ("supplier", "/v1/repairs/修8号/decision", {"outcome": "granted", "reason": "符合条件", "document": PAPER}),
    *(("supplier", f"/v1/records/{RECORD}/{step}", said) for step, said in SAID.items()),
    ("supplier", "/v1/cases", SCOPE),
    ("agency", "/v1/cases/cas_1/scope-answers", {"answer": "accepted"}),
    ("operator", "/v1/identities", IDENTITY),
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    made = desk(tmp_path_factory.mktemp("doors"))
    made.archive.filled |= {
        "record_of": record(),
        "subject": record(),
        "obligations_of": [{"obligation": "obl_1"}],
        "case": {"case_id": "cas_1", "organisation_code": "PDY901010", "record": RECORD},
        "scopes": [{"division": "130822"}],
    }
    repair = objection(repair="修8号", state="applied", due_on=None)
    made.life.filled |= {"objection": [objection()], "repair": [repair], "waits": {"source": "//s"}}
    return made


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.of(None)


@pytest.mark.parametrize(("who", "path", "body"), ACTS, ids=[f"{path} by {who}" for who, path, _ in ACTS])
def test_what_a_door_writes_down_is_taken_by_ingest(
    hub: Desk, judge: Judge, who: str, path: str, body: dict[str, Any], tmp_path: Path
) -> None:
    client: Client = {"operator": hub.operator, "agency": hub.agency, "supplier": hub.supplier}[who]()
    answer = asyncio.run(client.post(path, body))
    assert answer.status == 202, answer.text
    outcome = judge(hub.entries()[-1], shipped())
    assert isinstance(outcome, CreditEvent), outcome.reasons
    if "identities" not in path:
        assert outcome.target == {"id": RECORD}
    assert outcome.organisation_code == "PDY901010"
