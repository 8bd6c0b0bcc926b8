"""Understands the reads: what nobody has reached yet, cursors that cannot be made up, answers checked before they go."""

from __future__ import annotations

from typing import Any

import pytest

from credithub.ids import submission_id
from services.gateway.outcomes import wait_seconds
from services.gateway.routes.notifications import Cursor, advanced
from services.gateway.rules import status_of
from tests.unit.gateway.desk import Desk

ANSWER = {"epoch": 1, "version": 1, "answer": "executed"}


async def test_a_submission_nobody_has_reached_is_received_for_its_supplier_alone(hub: Desk) -> None:
    submission = submission_id(hub.parts.vault, "samr-130822")
    own = await hub.supplier().get(f"/v1/submissions/{submission}")
    assert (own.status, own.json()["state"]) == (200, "received")
    stranger = await hub.supplier(agency="mem-130822", sources=["//x"]).get(f"/v1/submissions/{submission}")
    made_up = await hub.supplier().get(f"/v1/submissions/{submission[:-1]}z")
    assert [stranger.status, made_up.status] == [404, 404]


async def test_the_refused_rows_of_a_file_come_back_with_what_to_mend(hub: Desk) -> None:
    hub.submissions.filled["find"] = {"submission": "s", "supplier": "samr-130822", "form": "row"}
    reasons = [{"code": "USC_CHECK", "field": "统一社会信用代码"}, {"code": "date-unreadable", "field": "处罚决定日期"}]
    body = {"处罚决定日期": "2026-13-01", "备注": "=1+1", "行政相对人名称": "甲公司"}
    hub.submissions.filled["quarantined"] = [
        {"row": 7, "item": "penalty", "reasons": reasons, "body": body},
        {"row": 9, "item": "penalty", "reasons": [{"code": "person-data-refused"}], "body": None},
    ]
    answer = await hub.supplier().get("/v1/submissions/s/errors.csv")
    header, first, second = answer.body.decode("utf-8-sig").splitlines()
    assert header == "行政相对人名称,处罚决定日期,备注,错误原因,字段,建议"
    assert first.startswith("甲公司,2026-13-01,'=1+1,1) ")
    assert second.startswith(",,,")
    assert (await hub.supplier(agency="mem-130822", sources=["//x"]).get("/v1/submissions/s/errors.csv")).status == 404


async def test_a_cursor_is_the_agency_s_own_and_cannot_be_made_up(hub: Desk) -> None:
    vault = hub.parts.vault
    sealed = Cursor(epoch=2, ends=3, rest=8).sealed(vault, "mnr-130822")
    assert Cursor.opened(sealed, vault, "mnr-130822") == Cursor(epoch=2, ends=3, rest=8)
    for cursor, agency in ((sealed, "mof-130822"), ("", "mnr-130822"), ("MS4yLjM", "mnr-130822"), ("ü", "mnr-130822")):
        with pytest.raises(Exception, match="cursor-invalid"):
            Cursor.opened(cursor, vault, agency)


def test_the_cursor_goes_to_the_last_number_of_each_lane() -> None:
    rows = [{"lane": "ends", "number": 4, "epoch": 2}, {"lane": "rest", "number": 8, "epoch": 2}]
    assert advanced(Cursor(), rows, 2) == Cursor(epoch=2, ends=4, rest=8)
    assert advanced(Cursor(epoch=2, ends=4, rest=8), [], 2) == Cursor(epoch=2, ends=4, rest=8)
    assert advanced(Cursor(), [], 2) == Cursor(epoch=2, ends=0, rest=0)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**ANSWER, "answer": "done"}, "answer"),
        ({**ANSWER, "obligation": "obl_2"}, "obligation"),
        ({**ANSWER, "agency": "mof-130822"}, "agency"),
        ({**ANSWER, "answer": "declined"}, "reason"),
        ({**ANSWER, "document": {"number": "11010519491231002X", "date": "2026-11-22"}}, "document"),
        ({"answer": "executed"}, "epoch"),
    ],
)
async def test_malformed_feedback_is_refused_and_nothing_is_sent(hub: Desk, body: dict[str, Any], field: str) -> None:
    hub.archive.filled["obligation"] = {"obligation": "obl_1", "agency": "mnr-130822"}
    answer = await hub.agency().post("/v1/obligations/obl_1/feedback", body)
    assert answer.status == 422, answer.text
    assert field in {fault.get("field") for fault in answer.json()["errors"]}
    assert b"11010519491231002X" not in answer.body
    assert not hub.sender.sent


async def test_feedback_while_kafka_is_away_is_to_be_sent_again(hub: Desk) -> None:
    hub.archive.filled["obligation"] = {"obligation": "obl_1", "agency": "mnr-130822"}
    hub.parts.line.up = False
    answer = await hub.agency().post("/v1/obligations/obl_1/feedback", ANSWER)
    assert (answer.status, answer.json()["code"]) == (503, "kafka-away")


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        (None, 0), ("wait=5", 5), ("WAIT = 5", 5), ("respond-async, wait=20;x=y", 20), ("wait=99", 30), ('wait="3"', 3),
        ("wait=-1", 0), ("wait", 0), ("wait=1e3", 0), ("wait=²", 0),
    ],
)  # fmt: skip
def test_how_long_a_client_prefers_to_wait(prefer: str | None, seconds: int) -> None:
    assert wait_seconds(prefer) == seconds


@pytest.mark.parametrize(
    ("received", "refused", "unknown", "status"),
    [(1, 0, 0, 202), (1, 1, 0, 207), (1, 0, 1, 207), (0, 1, 0, 422), (0, 0, 1, 503), (0, 1, 1, 503)],
)
def test_the_status_of_an_answer(received: int, refused: int, unknown: int, status: int) -> None:
    assert status_of(received, refused, unknown) == status


async def test_the_public_key_and_the_meaning_of_a_problem_need_no_key(hub: Desk) -> None:
    assert (await hub.client.get("/v1/receipt-key")).json()["public_key_hex"] == hub.parts.vault.public_key().hex()
    assert (await hub.client.get("/problems/kafka-away")).json()["status"] == 503
    assert (await hub.client.get("/problems/nothing")).status == 404
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json"):
        assert (await hub.client.get(path)).status == 200


async def test_not_ready_while_a_part_is_away(hub: Desk) -> None:
    hub.parts.health.away.add("kafka")
    answer = await hub.client.get("/readyz")
    assert (answer.status, answer.json()["away"]) == (503, ["kafka"])
