"""Understands POST /v1/events: three modes, one receipt, each entry's own answer."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest

from credithub.domain import receipts
from services.gateway.auth import RateLimit
from tests.harness.eventually import eventually
from tests.unit.gateway.desk import BATCH, CODE, SOURCE, STRUCTURED, Desk, penalty


async def test_one_event_is_received_sealed_stamped_and_keyed_by_its_subject(hub: Desk) -> None:
    answer = await hub.supplier().post("/v1/events", penalty(), headers=STRUCTURED)

    assert answer.status == 202
    told = answer.json()
    assert told["entries"] == [{"index": 0, "id": "2026-0417", "state": "received"}]
    assert answer.headers["location"] == f"/v1/submissions/{told['submission']}"
    [(topic, key, value)] = hub.sender.sent
    assert (topic, key) == ("credit.submissions", CODE[8:17].encode())
    assert "演示商贸".encode() not in value
    [entry] = hub.entries()
    assert (entry.submission, entry.index, entry.count, entry.supplier) == (told["submission"], 0, 1, "samr-130822")
    assert (entry.form, entry.source, entry.id, entry.allowed_items) == ("event", SOURCE, "2026-0417", ["penalty"])
    assert entry.catalogue == "2026-illustrative.2"
    assert entry.body["data"]["penalty"]["fine_yuan"] == "5000.00"


async def test_the_receipt_is_signed_over_the_digests(hub: Desk) -> None:
    answer = await hub.supplier().post("/v1/events", penalty(), headers=STRUCTURED)

    receipt = answer.json()["receipt"]
    from credithub import vault

    assert receipts.verify(receipt, hub.parts.vault.public_key(), vault.is_genuine) == ()
    assert receipt["entries"][0]["digest"] == hub.entries()[0].digest


async def test_the_three_modes_give_one_digest(hub: Desk) -> None:
    supplier = hub.supplier()
    event = penalty()
    binary = {f"ce-{name}": event[name] for name in ("specversion", "id", "source", "type")} | {
        "content-type": "application/json"
    }
    answers = [
        await supplier.post("/v1/events", event, headers=STRUCTURED),
        await supplier.post("/v1/events", [event | {"time": "2026-11-22T08:00:00Z"}], headers=BATCH),
        await supplier.post("/v1/events", event["data"], headers=binary),
    ]
    assert [answer.status for answer in answers] == [202, 202, 202]
    assert len({entry.digest for entry in hub.entries()}) == 1


async def test_a_mixed_batch_says_of_each_entry_what_became_of_it(hub: Desk) -> None:
    foreign = penalty("b", source="//mnr-130822/licences")
    other_item = penalty("c", type="credithub.licence.granted.v1")
    answer = await hub.supplier().post(
        "/v1/events", [penalty("a"), foreign, other_item, {"id": "d"}, penalty("e")], headers=BATCH
    )

    assert answer.status == 207
    told = answer.json()
    assert [entry["state"] for entry in told["entries"]] == ["received", "refused", "refused", "refused", "received"]
    assert [entry["reasons"][0]["code"] for entry in told["entries"] if "reasons" in entry][:2] == [
        "source-not-granted",
        "owner-not-allowed",
    ]
    assert (told["received"], told["refused"], told["unknown"]) == (2, 3, 0)
    assert [(entry.index, entry.count) for entry in hub.entries()] == [(0, 2), (4, 2)]
    assert [entry["index"] for entry in told["receipt"]["entries"]] == [0, 1, 2, 3, 4]


async def test_when_every_entry_is_refused_nothing_is_sent(hub: Desk) -> None:
    answer = await hub.supplier().post("/v1/events", penalty(source="//elsewhere"), headers=STRUCTURED)

    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "entries-refused"
    assert answer.json()["errors"][0] | {"code": "source-not-granted", "index": 0} == answer.json()["errors"][0]
    assert not hub.sender.sent


async def test_feedback_is_no_event_that_suppliers_post(hub: Desk) -> None:
    event = penalty(type="credithub.obligation.feedback.v1")
    answer = await hub.supplier().post("/v1/events", event, headers=STRUCTURED)
    assert (answer.status, answer.json()["errors"][0]["code"]) == (422, "kind-unknown")


async def test_an_entry_kafka_did_not_acknowledge_is_unknown_and_the_line_counts_as_down(hub: Desk) -> None:
    hub.sender.loses = {1}
    supplier = hub.supplier()
    answer = await supplier.post("/v1/events", [penalty("a"), penalty("b"), penalty("c")], headers=BATCH)

    assert answer.status == 207
    assert [entry["state"] for entry in answer.json()["entries"]] == ["received", "unknown", "received"]
    assert [entry["state"] for entry in answer.json()["receipt"]["entries"]] == ["received", "unknown", "received"]
    again = await supplier.post("/v1/events", penalty("b"), headers=STRUCTURED)
    assert (again.status, again.json()["code"]) == (503, "kafka-away")
    assert int(again.headers["retry-after"]) > 0
    assert len(hub.sender.sent) == 3


async def test_the_line_counts_as_up_again_once_the_broker_answers(hub: Desk) -> None:
    hub.parts.line.up = False
    await hub.parts.line.run_once()
    answer = await hub.supplier().post("/v1/events", penalty(), headers=STRUCTURED)
    assert answer.status == 202


async def test_nothing_certain_is_a_503_that_still_says_what_is_unknown(hub: Desk) -> None:
    hub.sender.loses = {0}
    answer = await hub.supplier().post("/v1/events", penalty(), headers=STRUCTURED)

    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["entries"] == [{"index": 0, "id": "2026-0417", "state": "unknown"}]
    assert "retry-after" in answer.headers


async def test_waiting_puts_the_outcome_into_the_answer(hub: Desk) -> None:
    hub.submissions.filled["outcomes"] = [
        {"index": 0, "state": "archived", "reasons": [], "record": "rec_1"},
        {"index": 1, "state": "quarantined", "reasons": [{"code": "date-unreadable", "field": "x"}], "record": None},
    ]
    hub.submissions.filled["decided"] = lambda ids: [{"submission": ids[0], "decided": 2}]
    posting = asyncio.create_task(
        hub.supplier().post(
            "/v1/events", [penalty("a"), penalty("b")], headers=BATCH | {"prefer": "respond-async, wait=20"}
        )
    )
    await eventually(hub.parts.outcomes.run_once)
    answer = await posting
    assert answer.headers["preference-applied"] == "wait=20"
    first, second = answer.json()["entries"]
    assert (first["state"], first["record"]) == ("archived", "rec_1")
    assert (second["state"], second["reasons"][0]["code"]) == ("quarantined", "date-unreadable")
    assert second["reasons"][0]["detail_zh"]


async def test_an_entry_over_the_limit_is_refused_alone(hub: Desk) -> None:
    big = penalty("big")
    big["data"]["penalty"]["facts"] = "长" * 60_000
    big["data"]["penalty"]["basis"] = "长" * 60_000
    answer = await hub.supplier().post("/v1/events", [big, penalty("small")], headers=BATCH)

    assert answer.status == 207
    assert [entry["state"] for entry in answer.json()["entries"]] == ["refused", "received"]
    assert [entry.count for entry in hub.entries()] == [1]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "key-missing"),
        ({"authorization": "Basic abc"}, 401, "key-missing"),
        ({"authorization": "Bearer chk_aaaa_bbbb"}, 401, "key-refused"),
        ({"authorization": "Bearer x"}, 401, "key-refused"),
    ],
)
async def test_without_a_key_of_ours_nothing_is_read(
    hub: Desk, headers: dict[str, str], status: int, code: str
) -> None:
    answer = await hub.client.post("/v1/events", penalty(), headers=STRUCTURED | headers)
    assert (answer.status, answer.json()["code"]) == (status, code)


async def test_a_key_of_another_role_may_not_post(hub: Desk) -> None:
    answer = await hub.agency().post("/v1/events", penalty(), headers=STRUCTURED)
    assert (answer.status, answer.json()["code"]) == (403, "role-missing")


async def test_a_body_over_the_limit_is_refused_by_what_it_announces_or_by_what_comes(hub: Desk) -> None:
    supplier = hub.supplier()
    limit = hub.parts.settings.limit_json_bytes
    announced = await supplier.request(
        "POST", "/v1/events", headers=STRUCTURED | {"content-length": str(limit + 1)}, body=b"{}"
    )

    async def endless() -> Any:
        while True:
            yield b" " * 1_000_000

    streamed = await supplier.request("POST", "/v1/events", headers=STRUCTURED, chunks=endless())
    assert [announced.status, streamed.status] == [413, 413]


async def test_a_key_over_its_rate_waits_and_others_do_not(hub: Desk) -> None:
    hub.parts.rate = RateLimit(2, clock=lambda: 7.5)
    hasty, calm = hub.supplier(), hub.supplier()
    answers = [await hasty.post("/v1/events", penalty(str(n)), headers=STRUCTURED) for n in range(3)]
    assert [answer.status for answer in answers] == [202, 202, 429]
    assert answers[2].headers["retry-after"] == "1"
    assert (await calm.post("/v1/events", penalty("y"), headers=STRUCTURED)).status == 202
    hub.parts.rate = RateLimit(2, clock=iter((7.5, 7.6, 7.9, 8.0)).__next__)
    assert [hub.parts.rate.admits("k") for _ in range(4)] == [True, True, False, True]


async def test_a_person_s_number_never_becomes_a_kafka_key(hub: Desk) -> None:
    event = penalty()
    event["data"]["subject"]["unified_code"] = "110101199003070011"
    await hub.supplier().post("/v1/events", event, headers=STRUCTURED)
    for _, key, value in hub.sender.sent:
        assert b"1990" not in key
        assert b"110101199003070011" not in value


@pytest.mark.parametrize("place", ["id", "source"])
async def test_a_person_s_number_in_id_or_source_is_refused_and_not_repeated(hub: Desk, place: str) -> None:
    event = penalty(**{place: "//x/11010519491231002X"})
    answer = await hub.supplier().post("/v1/events", event, headers=STRUCTURED)
    assert answer.status == 422
    assert b"11010519491231002X" not in answer.body


async def test_every_answer_has_a_request_id_and_plain_headers(hub: Desk) -> None:
    for answer in (
        await hub.supplier().post("/v1/events", penalty(), headers=STRUCTURED),
        await hub.client.get("/v1/nowhere"),
    ):
        assert len(answer.headers["x-request-id"]) == 32
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


async def test_without_a_catalogue_nothing_can_be_judged(hub: Desk) -> None:
    hub.parts.standing.catalogue = None
    answer = await hub.supplier().post("/v1/events", penalty(), headers=STRUCTURED)
    assert (answer.status, answer.json()["code"]) == (503, "catalogue-missing")


def test_the_fields_written_are_those_of_a_submitted_entry() -> None:
    """The hot path writes the dictionary itself; it must stay what SubmittedEntry is."""
    from dataclasses import fields

    from credithub.domain.events import SubmittedEntry
    from services.gateway.intake import Sealer, Stamp

    class Open:
        def encrypt(self, plain: bytes, context: bytes) -> bytes:
            return plain

        def hmac(self, label: str, value: str) -> str:
            return "h"

    from credithub.http.cloudevents import Envelope, parse

    [entry] = parse([(b"content-type", b"application/cloudevents+json")], orjson.dumps(penalty()))
    assert isinstance(entry, Envelope)
    mark = Stamp(submission="s", supplier="x", received_at="t", catalogue="c", allowed_items=[], count=1)
    sealed = Sealer(Open(), 10**6).event(entry, entry.digest(), mark)  # type: ignore[arg-type]
    assert sealed is not None
    assert list(orjson.loads(sealed[1])) == [field.name for field in fields(SubmittedEntry)]
