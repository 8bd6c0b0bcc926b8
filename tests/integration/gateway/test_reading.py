"""Understands what each role is told by the gateway's reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from credithub.domain.notifications import Feedback
from credithub.ids import submission_id
from tests.integration.gateway.conftest import Hub

CODE, ORGANISATION = "91130822PDY9010105", "PDY901010"
AT = "2026-11-20T00:00:00Z"


async def furnished(hub: Hub) -> dict[str, Any]:
    """A subject with one penalty, a case with two agencies' obligations, told and answered."""
    await hub.agency("samr-130822")
    await hub.agency("mem-130822")
    keys = {
        "supplier": await hub.supplier("samr-130822", ["penalty"], ["//samr-130822/penalties"]),
        "stranger": await hub.supplier("mem-130822", ["penalty"], ["//mem-130822/penalties"]),
    }
    for name in ("mnr", "mof", "mct"):
        keys[name] = hub.client.with_key((await hub.agency(f"{name}-130822"))["key"]["secret"])
    submission = submission_id(hub.parts.vault, "samr-130822")
    await hub.write(
        "INSERT INTO ingest.submissions (submission, supplier, source, form, received_at, entries)"
        f" VALUES ($1, 'samr-130822', '//samr-130822/penalties', 'event', '{AT}', 4)",
        submission,
    )
    await hub.write(
        "INSERT INTO matcher.entries (source, id, digest, submission, index, supplier, item, outcome, organisation_code,"
        " record, received_at) VALUES ('//samr-130822/penalties', 'a', 'd', $1, 0, 'samr-130822', 'penalty', 'archived',"
        f" '{ORGANISATION}', 'rec_1', '{AT}'), ('//samr-130822/penalties', 'w', 'd', $1, 1, 'samr-130822', 'penalty',"
        f" 'waiting-subject', NULL, NULL, '{AT}')",
        submission,
    )
    await hub.write(
        "INSERT INTO matcher.waiting (awaits, source, id, event) VALUES ('registration_number:130822000000011',"
        " '//samr-130822/penalties', 'w', '')"
    )
    await hub.write(
        'INSERT INTO ingest.quarantine (submission, index, "row", source, id, digest, supplier, item, form, received_at,'
        " reasons) VALUES ($1, 2, NULL, '//samr-130822/penalties', 'q', 'd', 'samr-130822', 'penalty', 'event',"
        f" '{AT}', $2)",
        submission,
        orjson.dumps([{"code": "USC_CHECK", "field": "subject.unified_code", "hint": CODE}]).decode(),
    )
    await hub.write(
        "INSERT INTO matcher.subjects (organisation_code, unified_code, name, seat, registered)"
        f" VALUES ('{ORGANISATION}', '{CODE}', '演示商贸有限公司', '130822', true)"
    )
    await hub.write(
        "INSERT INTO matcher.identifiers (scheme, value, organisation_code)"
        f" VALUES ('registration_number', '130822000000011', '{ORGANISATION}')"
    )
    await hub.write(
        "INSERT INTO matcher.records (organisation_code, record, item, kind, state, content, folded_number, issuer,"
        " decided_on, supplier, source, id, catalogue, document, data, seq) VALUES"
        f" ('{ORGANISATION}', 'rec_1', 'penalty', 'penalty.imposed', 'active', 'c', 'n', 'i', '2026-11-18', 'samr-130822',"
        " '//samr-130822/penalties', 'a', '2026-illustrative.2', '{}', '{\"penalty\": {\"facts\": \"secret facts\"}}', 1)"
    )
    await hub.write(
        "INSERT INTO matcher.cases (organisation_code, case_id, record, item)"
        f" VALUES ('{ORGANISATION}', 'cas_1', 'rec_1', 'penalty')"
    )
    for n, agency in enumerate(("mnr-130822", "mof-130822"), 1):
        await hub.write(
            "INSERT INTO matcher.obligations (organisation_code, obligation, case_id, record, item, measure, department,"
            " agency, epoch, version, state, mandatory, catalogue, explain) VALUES"
            f" ('{ORGANISATION}', 'obl_{n}', 'cas_1', 'rec_1', 'penalty', 'm{n}', 'x', '{agency}', 1, 1, 'triggered', true,"
            ' \'2026-illustrative.2\', \'{"rule": "nearest", "clause": "第一条"}\')'
        )
        payload = {
            "obligation": f"obl_{n}", "epoch": 1, "version": 1, "state": "triggered", "kind": "triggered",
            "record": {"id": "rec_1", "item": "penalty", "version": 1, "data": {"penalty": {"category": "罚款"}}},
        }  # fmt: skip
        await hub.write("INSERT INTO notifier.counters (agency, rest) VALUES ($1, 1)", agency)
        await hub.write(
            "INSERT INTO notifier.tasks (agency, obligation, seen_epoch, seen_version) VALUES ($1, $2, 1, 1)",
            agency,
            f"obl_{n}",
        )
        await hub.write(
            "INSERT INTO notifier.notifications (agency, lane, number, message, obligation, epoch, version, kind, state,"
            f" issued_at, payload) VALUES ('{agency}', 'rest', 1, 'obl_{n}.1.1', 'obl_{n}', 1, 1, 'triggered', 'triggered',"
            f" '{AT}', $1)",
            orjson.dumps(payload).decode(),
        )
        await hub.write(
            "INSERT INTO notifier.deliveries (agency, message, channel, obligation, epoch, version, lane, number, state)"
            f" VALUES ('{agency}', 'obl_{n}.1.1', 'pull', 'obl_{n}', 1, 1, 'rest', 1, 'due')"
        )
    return keys | {"submission": submission}


async def test_a_submission_tells_counts_reasons_and_what_is_waited_for(hub: Hub) -> None:
    world = await furnished(hub)
    told = (await world["supplier"].get(f"/v1/submissions/{world['submission']}")).json()
    counts = {name: told[name] for name in ("entries", "archived", "waiting", "quarantined", "duplicates", "pending")}
    assert counts == {"entries": 4, "archived": 1, "waiting": 1, "quarantined": 1, "duplicates": 0, "pending": 1}
    archived, waiting, quarantined = told["results"]
    assert archived["record"] == "rec_1"
    assert waiting["waiting_for"][0]["value"] == "130822000000011"
    assert quarantined["reasons"][0] | {"code": "USC_CHECK", "hint": CODE} == quarantined["reasons"][0]
    assert quarantined["reasons"][0]["detail_zh"]
    only = await world["supplier"].get(f"/v1/submissions/{world['submission']}", state="quarantined", limit=1)
    assert [row["index"] for row in only.json()["results"]] == [2]
    listed = (await world["supplier"].get("/v1/submissions")).json()["submissions"]
    assert [row["submission"] for row in listed] == [world["submission"]]


async def test_a_foreign_submission_is_as_absent_as_one_that_never_was(hub: Hub) -> None:
    world = await furnished(hub)
    foreign = await world["stranger"].get(f"/v1/submissions/{world['submission']}")
    never = await world["stranger"].get("/v1/submissions/sub_0_0")
    assert (foreign.status, foreign.body) == (never.status, never.body) == (404, foreign.body)
    assert (await world["stranger"].get("/v1/submissions")).json()["submissions"] == []
    assert (await hub.operator.get(f"/v1/submissions/{world['submission']}")).status == 200


async def test_the_trail_shows_every_stage_to_its_supplier_and_to_operators(hub: Hub) -> None:
    world = await furnished(hub)
    for who in (world["supplier"], hub.operator):
        told = (await who.get("/v1/trail", source="//samr-130822/penalties", id="a")).json()
        assert told["arrivals"][0]["state"] == "archived"
        assert told["record"]["record"] == "rec_1"
        [case] = told["cases"]
        assert {row["agency"] for row in case["obligations"]} == {"mnr-130822", "mof-130822"}
        assert case["obligations"][0]["clause"]["clause"] == "第一条"
        assert {row["message"] for row in told["notifications"]} == {"obl_1.1.1", "obl_2.1.1"}
        assert {row["state"] for row in told["deliveries"]} == {"due"}
    quarantined = (await world["supplier"].get("/v1/trail", source="//samr-130822/penalties", id="q")).json()
    assert quarantined["arrivals"][0]["reasons"][0]["code"] == "USC_CHECK"
    assert (await world["stranger"].get("/v1/trail", source="//samr-130822/penalties", id="a")).status == 404
    assert (await world["mnr"].get("/v1/trail", source="//samr-130822/penalties", id="a")).status == 403


@pytest.mark.requirement("R020")
async def test_a_subject_is_found_by_any_code_and_shown_by_role(hub: Hub) -> None:
    world = await furnished(hub)
    for code in (CODE, CODE.lower(), ORGANISATION, "130822000000011"):
        told = await hub.operator.get(f"/v1/subjects/{code}")
        assert told.status == 200, code
        assert told.json()["records"][0]["data"] == {"penalty": {"facts": "secret facts"}}
    own = (await world["supplier"].get(f"/v1/subjects/{CODE}")).json()
    assert [record["record"] for record in own["records"]] == ["rec_1"]
    granted = await world["mnr"].get(f"/v1/subjects/{CODE}")
    assert granted.json()["records"][0]["data"] == {"penalty": {"category": "罚款"}}
    assert [row["obligation"] for row in granted.json()["obligations"]] == ["obl_1"]
    assert "secret facts" not in granted.text
    for who, code in ((world["stranger"], CODE), (world["mct"], CODE), (hub.operator, "91130822PDY9999999")):
        assert (await who.get(f"/v1/subjects/{code}")).status == 404


async def test_obligations_are_an_agency_s_own(hub: Hub) -> None:
    world = await furnished(hub)
    mine = (await world["mnr"].get("/v1/obligations")).json()["obligations"]
    assert [(row["obligation"], row["unified_code"]) for row in mine] == [("obl_1", CODE)]
    assert len((await hub.operator.get("/v1/obligations", state="triggered")).json()["obligations"]) == 2
    first = (await hub.operator.get("/v1/obligations", limit=1)).json()
    second = (await hub.operator.get("/v1/obligations", limit=1, after=first["next"])).json()
    assert [first["obligations"][0]["obligation"], second["obligations"][0]["obligation"]] == ["obl_1", "obl_2"]
    assert second["next"] is None
    asked_for_another = await world["mnr"].get("/v1/obligations", agency="mof-130822")
    assert [row["obligation"] for row in asked_for_another.json()["obligations"]] == ["obl_1"]
    assert (await world["mnr"].get("/v1/obligations/obl_2")).status == 404
    assert (await world["mnr"].get("/v1/obligations/obl_1")).json()["feedback"] == []


async def test_feedback_goes_to_its_topic_and_only_for_one_s_own(hub: Hub) -> None:
    world = await furnished(hub)
    answer = {
        "epoch": 1,
        "version": 1,
        "answer": "executed",
        "document": {"number": "函〔2026〕1号", "date": "2026-11-22"},
    }
    sent: list[tuple[str, bytes, bytes]] = []

    class Noting:
        async def send_all(self, topic: str, records: Sequence[tuple[bytes, bytes]]) -> list[bool]:
            sent.extend((topic, key, value) for key, value in records)
            return [True] * len(records)

    hub.parts.line.sender = Noting()  # type: ignore[assignment]
    taken = await world["mnr"].post("/v1/obligations/obl_1/feedback", answer)
    assert taken.status == 202
    [(topic, key, value)] = sent
    assert (topic, key) == ("credit.feedback", b"obl_1")
    feedback = Feedback.from_bytes(value)
    assert (feedback.id, feedback.agency, feedback.via) == (taken.json()["feedback"], "mnr-130822", "http")
    foreign = await world["mnr"].post("/v1/obligations/obl_2/feedback", answer)
    absent = await world["mnr"].post("/v1/obligations/obl_9/feedback", answer)
    assert (foreign.status, foreign.body) == (absent.status, absent.body) == (404, foreign.body)
    for malformed in ({}, {"epoch": 1, "version": 1, "answer": "declined"}, {**answer, "state": "lifted"}, [], "x"):
        assert (await world["mnr"].post("/v1/obligations/obl_1/feedback", malformed)).status == 422
    assert len(sent) == 1


async def test_the_pull_feed_goes_on_from_its_cursor_and_a_foreign_cursor_is_refused(hub: Hub) -> None:
    world = await furnished(hub)
    first = (await world["mnr"].get("/v1/notifications")).json()
    assert [row["message"] for row in first["notifications"]] == ["obl_1.1.1"]
    assert first["notifications"][0]["notification"]["record"]["data"] == {"penalty": {"category": "罚款"}}
    again = (await world["mnr"].get("/v1/notifications")).json()
    assert again["notifications"] == first["notifications"]
    later = (await world["mnr"].get("/v1/notifications", after=first["next"])).json()
    assert later["notifications"] == []
    assert later["next"] == first["next"]
    [delivery] = await hub.database.rows("SELECT state FROM notifier.deliveries_v WHERE message = 'obl_1.1.1'")
    assert delivery["state"] == "delivered"
    for cursor in (first["next"][:-2] + "AA", "x", "é", "MS4wLjA"):
        refused = await world["mnr"].get("/v1/notifications", after=cursor)
        assert (refused.status, refused.json()["code"]) == (400, "cursor-invalid")
    assert (await world["mof"].get("/v1/notifications", after=first["next"])).status == 400


async def test_after_a_restore_an_old_cursor_is_told_to_begin_again(hub: Hub) -> None:
    world = await furnished(hub)
    cursor = (await world["mnr"].get("/v1/notifications")).json()["next"]
    await hub.write("UPDATE hub.epoch SET epoch = 2")
    told = await world["mnr"].get("/v1/notifications", after=cursor)
    assert (told.status, told.json()["code"]) == (409, "resync")
