"""Understands the doors with what lies behind them: an act goes through ingest and matcher, and is read back by the doors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from credithub.domain.events import SUBMISSIONS_CONTEXT, CreditEvent, SubmittedEntry
from credithub.domain.routing import Agencies, Agency
from services.ingest.judge import Judge, Quarantined
from tests.e2e.papers import listing
from tests.harness.asgi import Answer, Client
from tests.harness.facts import registration
from tests.integration.gateway.conftest import Hub
from tests.integration.matcher.conftest import Matcher, catalogue, matcher  # noqa: F401
from tests.unit.gateway.desk import STRUCTURED

CODE, ORGANISATION = "91130822PDY9010105", "PDY901010"
SUBJECT = {"name": "演示商贸有限公司", "unified_code": CODE}
CASE = "（2026）演0822执7号"
PAPER = {"number": "（2026）演0822执监1号", "issuer": "演示县人民法院", "decided_on": "2026-11-20"}


@dataclass(slots=True)
class Whole:
    """The gateway over real stores; what it sends is judged and handled at once."""

    hub: Hub
    matcher: Matcher
    keys: dict[str, Client]
    judge: Judge = field(default_factory=lambda: Judge.of(None))
    sent: list[bytes] = field(default_factory=list[bytes])

    async def send_all(self, topic: str, records: Sequence[tuple[bytes, bytes]]) -> list[bool]:
        self.sent += [value for _, value in records if topic == "credit.submissions"]
        return [True] * len(records)

    async def post(self, who: str, path: str, body: dict[str, Any], **more: Any) -> Answer:
        """Through all of it; refused nowhere."""
        answer = await self.keys[who].post(path, body, **more)
        assert answer.status == 202, answer.text
        await self.handled()
        return answer

    async def handled(self) -> None:
        sent, self.sent = self.sent, []
        for raw in sent:
            entry = SubmittedEntry.from_bytes(self.hub.parts.vault.decrypt(raw, SUBMISSIONS_CONTEXT))
            judged = self.judge(entry, self.hub.parts.standing.in_force())
            assert not isinstance(judged, Quarantined), judged.reasons
            assert isinstance(judged, CreditEvent)
            counts = await self.matcher.take(judged)
            assert counts.get("refused", 0) == 0, await self.matcher.rows(
                "SELECT reasons FROM matcher.repeats_seen WHERE outcome = 'refused'"
            )

    async def get(self, who: str, path: str, **query: object) -> Any:
        answer = await self.keys[who].get(path, **query)
        assert answer.status == 200, answer.text
        return answer.json()


@pytest.fixture
async def whole(hub: Hub, matcher: Matcher) -> Whole:  # noqa: F811
    made = await hub.operator.post("/v1/keys", {"roles": ["auditor"]})
    keys = {"operator": hub.operator, "auditor": hub.client.with_key(made.json()["secret"])}
    names = ["spc-130822", "mnr-130822", "mof-130822", "samr-130822"]
    for name in names:
        keys[name] = hub.client.with_key((await hub.agency(name))["key"]["secret"])
    keys["court"] = await hub.supplier("spc-130822", ["judgment-debtor"], ["//court"])
    keys["samr"] = await hub.supplier("samr-130822", ["penalty"], ["//samr"])
    matcher.books.agencies = Agencies(
        [Agency(id=name, department=name.rpartition("-")[0], division="130822") for name in names]
    )
    known = registration(ORGANISATION, supplier="samr-130822", unified_code=CODE, name=SUBJECT["name"])
    known.data["registration"]["name"] = SUBJECT["name"]
    await matcher.take(known)
    world = Whole(hub, matcher, keys)
    hub.parts.line.sender = world  # type: ignore[assignment]
    return world


async def listed(whole: Whole) -> str:
    """The record of a listing, with its obligations."""
    event = {"specversion": "1.0", "id": "1", "source": "//court", "type": "credithub.judgment-debtor.listed.v1",
             "data": listing(SUBJECT, CASE)}  # fmt: skip
    await whole.post("court", "/v1/events", event, headers=STRUCTURED)
    records = (await whole.get("operator", f"/v1/subjects/{CODE}/records"))["records"]
    return next(row["record"] for row in records if row["item"] == "judgment-debtor")


async def states(whole: Whole) -> set[tuple[str, bool]]:
    rows = (await whole.get("operator", "/v1/obligations", limit=1000))["obligations"]
    return {(row["state"], row["suspended"]) for row in rows}


@pytest.mark.requirement("R081", "R208", "R218", "R219")
async def test_an_objection_goes_its_whole_way_by_the_doors_alone(whole: Whole) -> None:
    record = await listed(whole)
    assert await states(whole) == {("triggered", False)}
    objected = {"record": record, "number": "异1", "ground": "facts", "statement": "义务已履行"}
    await whole.post("operator", "/v1/objections", objected)
    seen = await whole.get("court", f"/v1/records/{record}")
    assert (seen["disputed"], seen["state"]) == (True, "active")
    assert await states(whole) == {("triggered", True)}
    (one,) = (await whole.get("court", "/v1/objections", mine="to-verify"))["objections"]
    assert {(step["who"], step["what"]) for step in one["next"]} == {("spc-130822", "verify"), ("hub", "verify")}
    assert all(step["due_on"] for step in one["next"])
    for who in ("court", "operator"):
        await whole.post(who, "/v1/objections/异1/verifications", {"finding": "correct", "statement": "列入无误"})
    (step,) = (await whole.get("operator", "/v1/objections/异1"))["next"]
    assert (step["who"], step["what"]) == ("spc-130822", "close")
    await whole.post("court", "/v1/objections/异1/closing", {"outcome": "refused", "reason": "未履行完毕"})
    told = await whole.get("operator", "/v1/objections/异1")
    assert (told["state"], told["next"], told["reason"]) == ("refused", [], "未履行完毕")
    assert await states(whole) == {("triggered", False)}


async def test_the_same_act_sent_again_is_a_duplicate_at_the_end_of_the_line(whole: Whole) -> None:
    record = await listed(whole)
    objected = {"record": record, "number": "异1", "ground": "facts", "statement": "义务已履行"}
    first, again = [await whole.post("operator", "/v1/objections", objected) for _ in range(2)]
    event = again.json()["event"]
    arrivals = (await whole.get("operator", "/v1/trail", source=event["source"], id=event["id"]))["arrivals"]
    assert sorted(arrival["state"] for arrival in arrivals) == ["archived", "duplicate"]
    assert first.json()["event"] == again.json()["event"]
    assert len((await whole.get("operator", "/v1/objections"))["objections"]) == 1


async def test_a_withdrawal_ends_the_record_and_its_past_stays_readable_to_auditors(whole: Whole) -> None:
    record = await listed(whole)
    before = (await whole.get("operator", f"/v1/records/{record}"))["archived_at"]
    said = {"reason": "issued-in-error", "withdrawn_on": "2026-11-20", "restore_reputation": True, "document": PAPER}
    await whole.post("court", f"/v1/records/{record}/withdrawal", said)
    now = await whole.get("court", f"/v1/records/{record}")
    assert (now["state"], now["served"], now["end_reason"]["code"]) == ("withdrawn", False, "withdrawn")
    then = await whole.get("auditor", f"/v1/records/{record}", as_of=before)
    assert (then["state"], then["data"]) == ("active", now["data"])
    history = await whole.get("court", f"/v1/records/{record}/history")
    assert [change["change"] for change in history["changes"]][-1] == "withdrawn"
    assert (await whole.keys["mnr-130822"].get(f"/v1/records/{record}")).status == 404
    assert {state for state, _ in await states(whole)} <= {"lifting", "cancelled", "lifted"}


@pytest.mark.requirement("R208")
async def test_a_repair_is_applied_for_at_one_window_and_decided_by_whoever_determined(whole: Whole) -> None:
    record = await listed(whole)
    applied = {"record": record, "commitment": True, "duty_done_on": "2026-11-10"}
    answer = await whole.post("operator", "/v1/repairs", applied, headers={"Idempotency-Key": "window-1"})
    number = answer.json()["repair"]
    (one,) = (await whole.get("court", "/v1/repairs", mine="to-decide"))["repairs"]
    assert (one["repair"], one["filed_by"], one["next"][0]["who"]) == (number, "hub", "spc-130822")
    decided = {"outcome": "granted", "reason": "义务已履行", "document": PAPER}
    await whole.post("court", f"/v1/repairs/{number}/decision", decided)
    assert (await whole.get("operator", f"/v1/repairs/{number}"))["state"] == "granted"
    assert (await whole.get("operator", f"/v1/records/{record}"))["state"] == "repaired"


async def test_a_name_is_confirmed_by_a_person_and_its_record_appears(whole: Whole) -> None:
    data = listing({"name": SUBJECT["name"]}, CASE)
    event = {
        "specversion": "1.0",
        "id": "n",
        "source": "//court",
        "type": "credithub.judgment-debtor.listed.v1",
        "data": data,
    }
    await whole.post("court", "/v1/events", event, headers=STRUCTURED)
    (entry,) = (await whole.get("operator", "/v1/candidates"))["candidates"]
    (candidate,) = entry["candidates"]
    assert {said["code"] for said in candidate["speaks_for"]} == {"name-equal", "same-division", "registered"}
    said = {"source": entry["source"], "id": entry["id"], "subject": CODE, "decision": "confirmed", "reason": "已核对"}
    await whole.post("operator", "/v1/identities", said)
    assert (await whole.get("operator", "/v1/candidates"))["candidates"] == []
    records = (await whole.get("operator", f"/v1/subjects/{CODE}/records"))["records"]
    assert "judgment-debtor" in {row["item"] for row in records}
    assert (await whole.keys["operator"].post("/v1/identities", said)).status == 404
