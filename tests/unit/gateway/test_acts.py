"""Understands the doors of a record's life: each act becomes one event on the one line, or a refusal that says why."""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

import pytest

from credithub import schemas
from credithub.schemas import schemas_dir
from tests.harness.asgi import Client
from tests.unit.gateway.desk import CODE, STRUCTURED, Desk

RECORD = "rec_abc"
PAPER = {"number": "兴市监撤〔2026〕5号", "issuer": "兴隆县市场监督管理局", "decided_on": "2026-11-20"}
OBJECTION = {"record": RECORD, "number": "异〔2026〕3号", "ground": "facts", "statement": "金额有误"}
PENALTY = {
    "offence": "虚假宣传", "facts": "无", "basis": "反不正当竞争法第二十条", "category": "罚款", "content": "罚款",
    "fine_yuan": "3000.00",
}  # fmt: skip
PAYMENT = re.compile(r"(^|[_-])(fees?|charges?|payments?|paid|pay|price|invoice|toll)([_-]|$)|收费|缴费|支付|价款")
SAID: dict[str, dict[str, Any]] = {
    "correction": {"data": {"penalty": PENALTY}, "reason": "金额录入有误", "document": PAPER},
    "withdrawal": {
        "reason": "revoked-by-court", "withdrawn_on": "2026-11-20", "restore_reputation": True, "document": PAPER,
    },
    "annotation": {"kind": "litigation", "text": "已提起行政诉讼", "document": PAPER},
    "shielding": {"number": "破1号", "ground": "bankruptcy-reorganisation", "document": PAPER},
    "unshielding": {"number": "破1号", "reason": "重整完毕", "document": PAPER},
    "deletion": {"reason": "依法应当删除", "document": PAPER},
}  # fmt: skip


def record(**changed: Any) -> dict[str, Any]:
    """A penalty of the supplier that `Desk.key` makes, as it stands in the archive."""
    return {
        "record": RECORD, "organisation_code": "PDY901010", "unified_code": CODE, "name": "演示商贸有限公司",
        "item": "penalty", "kind": "penalty.imposed", "state": "active", "version": 1, "supplier": "samr-130822",
        "shielded": False, "display_until": None, "decided_on": date(2026, 11, 18), "archived_at": "2026-11-18T00:00:00Z",
    } | changed  # fmt: skip


def objection(**changed: Any) -> dict[str, Any]:
    return {
        "objection": "异〔2026〕3号", "organisation_code": "PDY901010", "unified_code": CODE, "name": "演示商贸有限公司",
        "record": RECORD, "item": "penalty", "state": "open", "determining": "samr-130822", "filed_by": "hub",
        "supplier_at": None, "supplier_due_on": date(2026, 11, 20), "collector_at": None,
        "collector_due_on": date(2026, 11, 27),
    } | changed  # fmt: skip


@pytest.fixture
def archived(hub: Desk) -> Desk:
    hub.archive.filled["record_of"] = record()
    return hub


def sent(hub: Desk) -> dict[str, Any]:
    """The one entry that went on: its body with what it was stamped with."""
    (entry,) = hub.entries()
    return entry.body | {"supplier": entry.supplier, "items": entry.allowed_items, "index": entry.index}


@pytest.mark.requirement("R208", "R218")
async def test_an_objection_for_a_subject_is_the_hub_s_event_with_a_receipt(archived: Desk) -> None:
    answer = await archived.operator().post("/v1/objections", OBJECTION)
    assert answer.status == 202, answer.text
    told = answer.json()
    assert told["receipt"]["signature"]
    assert (told["objection"], told["received"]) == ("异〔2026〕3号", 1)
    event = sent(archived)
    assert (event["supplier"], event["type"]) == ("hub", "credithub.objection.opened.v1")
    assert event["source"].startswith("//hub/")
    assert event["data"]["objection"]["by"] == "subject"
    assert event["data"]["record"] == {"id": RECORD}
    assert event["data"]["subject"] == {"name": "演示商贸有限公司", "unified_code": CODE}
    assert schemas.faults("objection.opened", event["data"]) == []


@pytest.mark.requirement("R218")
async def test_an_agency_objects_only_where_it_holds_an_obligation(archived: Desk) -> None:
    assert (await archived.agency().post("/v1/objections", OBJECTION)).status == 404
    assert not archived.sender.sent
    archived.archive.filled["obligations_of"] = [{"obligation": "obl_1", "agency": "mnr-130822"}]
    answer = await archived.agency().post("/v1/objections", OBJECTION)
    assert answer.status == 202, answer.text
    event = sent(archived)
    assert (event["supplier"], event["data"]["objection"]["by"]) == ("mnr-130822", "agency")


async def test_the_same_act_again_is_the_same_event(archived: Desk) -> None:
    operator = archived.operator()
    for body in (OBJECTION, OBJECTION, {**OBJECTION, "number": "异〔2026〕4号"}):
        assert (await operator.post("/v1/objections", body)).status == 202
    first, again, other = archived.entries()
    assert (first.source, first.id, first.digest) == (again.source, again.id, again.digest)
    assert other.id != first.id


async def test_an_idempotency_key_stands_for_a_number_that_was_not_given(archived: Desk) -> None:
    operator = archived.operator()
    body = {name: value for name, value in OBJECTION.items() if name != "number"}
    answers = [await operator.post("/v1/objections", body, headers={"Idempotency-Key": key}) for key in ("a", "a", "b")]
    numbers = [answer.json()["objection"] for answer in answers]
    assert numbers[0] == numbers[1] != numbers[2]
    assert len({entry.digest for entry in archived.entries()}) == 2
    bad = await operator.post("/v1/objections", body, headers={"Idempotency-Key": "x" * 129})
    assert (bad.status, bad.json()["code"]) == (422, "request-invalid")


@pytest.mark.requirement("R219")
async def test_two_verify_an_objection_each_in_its_own_name(hub: Desk) -> None:
    hub.life.filled["objection"] = [objection()]
    body = {"finding": "wrong", "statement": "录入有误"}
    for who, by, supplier in ((hub.operator(), "collector", "hub"), (hub.supplier(), "supplier", "samr-130822")):
        answer = await who.post("/v1/objections/异〔2026〕3号/verifications", body)
        assert answer.status == 202, answer.text
        entry = hub.entries()[-1]
        assert (entry.supplier, entry.body["data"]["verification"]["by"]) == (supplier, by)
    stranger = hub.supplier(agency="mem-130822", sources=["//x"])
    assert (await stranger.post("/v1/objections/异〔2026〕3号/verifications", body)).status == 404
    assert len(hub.entries()) == 2


@pytest.mark.requirement("R219")
async def test_a_listed_objection_says_who_must_do_what_until_when_and_who_is_late(hub: Desk) -> None:
    hub.life.filled["objections"] = [objection(place="p")]
    hub.parts.standing.on = date(2026, 11, 22)
    (told,) = (await hub.operator().get("/v1/objections")).json()["objections"]
    assert [(step["who"], step["what"], step["late"]) for step in told["next"]] == [
        ("samr-130822", "verify", True), ("hub", "verify", False),
    ]  # fmt: skip
    assert told["late"] is True
    hub.life.filled["objections"] = [objection(place="p", supplier_at="x", collector_at="x")]
    (told,) = (await hub.operator().get("/v1/objections")).json()["objections"]
    assert [step["what"] for step in told["next"]] == ["close"]
    hub.life.filled["objections"] = [objection(place="p", state="refused")]
    (told,) = (await hub.operator().get("/v1/objections")).json()["objections"]
    assert (told["next"], told["late"]) == ([], False)


@pytest.mark.requirement("R208")
async def test_a_case_is_found_by_its_number_by_its_filer_and_its_determiner_alone(hub: Desk) -> None:
    hub.life.filled["objection"] = [objection(filed_by="mnr-130822")]
    for who in (hub.operator(), hub.agency(), hub.supplier()):
        assert (await who.get("/v1/objections/异〔2026〕3号")).status == 200
    assert (await hub.agency("mof-130822").get("/v1/objections/异〔2026〕3号")).status == 404
    hub.life.filled["objection"] = [objection(), objection(organisation_code="PDY902020")]
    unclear = await hub.operator().get("/v1/objections/异〔2026〕3号")
    assert (unclear.status, unclear.json()["code"], unclear.json()["found"]) == (409, "number-unclear", 2)
    hub.archive.filled["subject"] = {"organisation_code": "PDY902020"}
    clear = await hub.operator().get("/v1/objections/异〔2026〕3号", subject="PDY902020")
    assert clear.json()["organisation_code"] == "PDY902020"


@pytest.mark.parametrize("step", SAID)
async def test_the_determining_department_changes_its_own_record_and_nobody_else(archived: Desk, step: str) -> None:
    path = f"/v1/records/{RECORD}/{step}"
    answer = await archived.supplier().post(path, SAID[step])
    assert answer.status == 202, answer.text
    event = sent(archived)
    kind = event["type"].removeprefix("credithub.").removesuffix(".v1")
    assert schemas.faults(kind, event["data"]) == []
    assert event["data"]["document"] == PAPER
    stranger = archived.supplier(agency="mem-130822", sources=["//x"])
    assert (await stranger.post(path, SAID[step])).status == 404
    assert (await archived.operator().post(path, SAID[step])).status == 403
    assert (await archived.agency().post(path, SAID[step])).status == 403
    without_paper = {name: value for name, value in SAID[step].items() if name != "document"}
    bare = await archived.supplier().post(path, without_paper)
    assert bare.status == 422
    assert {"document"} <= {fault["field"] for fault in bare.json()["errors"]}
    assert len(archived.entries()) == 1


async def test_a_court_shields_a_record_that_another_determined(archived: Desk) -> None:
    court = archived.supplier(agency="spc-130822", items=["judgment-debtor"], sources=["//court"])
    assert (await court.post(f"/v1/records/{RECORD}/shielding", SAID["shielding"])).status == 202
    assert (await court.post(f"/v1/records/{RECORD}/withdrawal", SAID["withdrawal"])).status == 404


@pytest.mark.requirement("R208")
async def test_one_window_takes_an_application_and_the_determining_department_decides(archived: Desk) -> None:
    body = {"record": RECORD, "number": "修8号", "commitment": True, "duty_done_on": "2026-10-08"}
    assert (await archived.operator().post("/v1/repairs", body)).status == 202
    assert archived.entries()[0].supplier == "hub"
    archived.life.filled["repair"] = [objection(repair="修8号", state="applied", due_on=None)]
    decided = {"outcome": "granted", "reason": "符合条件", "document": PAPER}
    assert (await archived.operator().post("/v1/repairs/修8号/decision", decided)).status == 403
    answer = await archived.supplier().post("/v1/repairs/修8号/decision", decided)
    assert answer.status == 202, answer.text
    assert archived.entries()[1].body["data"]["repair"] == {"number": "修8号"}


async def test_regions_are_asked_and_only_the_one_asked_answers(archived: Desk) -> None:
    asked = {"record": RECORD, "scope": ["130900"], "reason": "多地经营", "document": PAPER,
             "basis": {"document": "国办发〔2020〕49号", "clause": "五(九)"}}  # fmt: skip
    assert (await archived.supplier().post("/v1/cases", asked)).status == 202
    archived.archive.filled |= {
        "case": {"case_id": "cas_1", "organisation_code": "PDY901010", "record": RECORD},
        "scopes": [{"division": "130900", "state": "asked"}],
    }
    path = "/v1/cases/cas_1/scope-answers"
    assert (await archived.agency("mnr-130822").post(path, {"answer": "accepted"})).status == 404
    unreasoned = await archived.agency("mnr-130900").post(path, {"answer": "declined"})
    assert (unreasoned.status, unreasoned.json()["errors"][0]["field"]) == (422, "reason")
    answer = await archived.agency("mnr-130900").post(path, {"answer": "declined", "reason": "本市无经营"})
    assert answer.status == 202, answer.text
    assert archived.entries()[-1].body["data"]["case"]["division"] == "130900"


async def test_a_person_decides_whom_a_name_means(hub: Desk) -> None:
    hub.archive.filled["subject"] = {"organisation_code": "PDY901010", "unified_code": CODE, "name": "演示商贸有限公司"}
    body = {"source": "//s", "id": "1", "subject": CODE, "decision": "confirmed", "reason": "已核对执照"}
    assert (await hub.operator().post("/v1/identities", body)).status == 404
    hub.life.filled["waits"] = {"source": "//s", "id": "1"}
    answer = await hub.operator().post("/v1/identities", body)
    assert answer.status == 202, answer.text
    data = sent(hub)["data"]
    assert data["identity"] == {"source": "//s", "id": "1", "decision": "confirmed", "reason": "已核对执照"}
    assert data["subject"]["unified_code"] == CODE
    assert (await hub.supplier().post("/v1/identities", body)).status == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "record"),
        ({**OBJECTION, "record": 7}, "record"),
        ({**OBJECTION, "ground": "mood"}, "ground"),
        ({**OBJECTION, "statement": ""}, "statement"),
        ({**OBJECTION, "statement": "x" * 5001}, "statement"),
        ({**OBJECTION, "fee_yuan": "1"}, "fee_yuan"),
        ({**OBJECTION, "number": "1/2"}, "number"),
        ({**OBJECTION, "number": 1}, "number"),
        ({**OBJECTION, "number": "1" * 129}, "number"),
        ({**OBJECTION, "document": "none"}, "document"),
        ({**OBJECTION, "document": {"number": "1"}}, "document.issuer"),
        ({**OBJECTION, "number": "11010519491231002X"}, "id"),
    ],
)
async def test_a_malformed_act_is_refused_field_by_field(
    archived: Desk, body: dict[str, Any], field: str | None
) -> None:
    answer = await archived.operator().post("/v1/objections", body)
    assert answer.status == 422, answer.text
    assert field in {fault.get("field") for fault in answer.json()["errors"]}
    assert not archived.sender.sent
    assert b"11010519491231002X" not in answer.body


async def test_what_is_the_hub_s_alone_does_not_come_in_by_the_events_door(hub: Desk) -> None:
    example = next((schemas_dir() / "events/identity.confirmed/examples/valid").glob("*.json"))
    data = json.loads(example.read_text(encoding="utf-8"))
    source = "//samr-130822/penalties"
    event = {"specversion": "1.0", "id": "1", "source": source, "type": "credithub.identity.confirmed.v1", "data": data}
    answer = await hub.supplier().post("/v1/events", event, headers=STRUCTURED)
    assert [fault["code"] for fault in answer.json()["errors"]] == ["owner-not-allowed"]
    noted: Any = hub.parts.stores.accounting
    assert noted.noted == [("samr-130822", "", "owner-not-allowed")]


async def test_a_listing_is_reported_by_those_whose_list_it_is(hub: Desk) -> None:
    example = next((schemas_dir() / "events/list.entered/examples/valid").glob("*.json"))
    data = json.loads(example.read_text(encoding="utf-8"))
    source, type_ = "//samr-130822/penalties", "credithub.list.entered.v1"
    event = {"specversion": "1.0", "id": "1", "source": source, "type": type_, "data": data}
    foreign = await hub.supplier().post("/v1/events", event, headers=STRUCTURED)
    assert [fault["code"] for fault in foreign.json()["errors"]] == ["owner-not-allowed"]
    item = hub.parts.standing.in_force().list_type(data["listing"]["type"])
    assert item is not None
    own = await hub.supplier(items=[item.item]).post("/v1/events", event, headers=STRUCTURED)
    assert own.status == 202, own.text


async def test_the_hub_s_own_sources_are_given_to_no_key(hub: Desk) -> None:
    agencies: Any = hub.parts.stores.agencies
    agencies.rows["samr-130822"] = {"id": "samr-130822", "department": "samr", "valid_to": None}
    body = {"roles": ["supplier"], "agency": "samr-130822", "items": ["penalty"], "sources": ["//hub/k1"]}
    answer = await hub.operator().post("/v1/keys", body)
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, "sources")


async def test_acts_while_kafka_is_away_are_to_be_sent_again(archived: Desk) -> None:
    archived.parts.line.up = False
    answer = await archived.operator().post("/v1/objections", OBJECTION)
    assert (answer.status, answer.json()["code"]) == (503, "kafka-away")


@pytest.mark.requirement("R212")
async def test_no_payment_field_exists_anywhere(hub: Desk) -> None:
    """Names of members, in every schema that is shipped and in what the doors document. A fine is a fact, not a fee."""
    said: set[str] = set()
    for path in schemas_dir().rglob("*.json"):
        said |= members(json.loads(path.read_bytes()))
    said |= members((await hub.client.get("/openapi.json")).json())
    assert {name for name in said if PAYMENT.search(name)} == set()
    assert len(said) > 200


def members(node: Any) -> set[str]:
    """Every name that a `properties` or a `parameters` gives."""
    if isinstance(node, list):
        return set().union(*map(members, node)) if node else set()
    if not isinstance(node, dict):
        return set()
    properties, parameters = node.get("properties"), node.get("parameters")
    own = set(properties) if isinstance(properties, dict) else set[str]()
    if isinstance(parameters, list):
        own |= {str(part.get("name")) for part in parameters if isinstance(part, dict)}
    return own.union(*map(members, node.values()))


@pytest.mark.requirement("R223")
async def test_litigation_is_shown_with_the_record(hub: Desk) -> None:
    notes = [{"kind": "litigation", "text": "已提起行政诉讼", "at": "2026-11-21", "by": "samr-130822"}]
    hub.archive.filled["record_of"] = record(notes=notes)
    told = (await hub.operator().get(f"/v1/records/{RECORD}")).json()
    assert (told["notes"], told["served"]) == (notes, True)


async def served(who: Client) -> int:
    return (await who.get(f"/v1/records/{RECORD}")).status


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "withdrawn"},
        {"state": "deleted"},
        {"shielded": True},
        {"display_until": date(2020, 1, 1)},
        {"version": 2},
    ],
    ids=str,
)
async def test_a_record_that_is_not_in_use_is_not_served_to_an_agency(hub: Desk, changed: dict[str, Any]) -> None:
    hub.archive.filled |= {
        "record_of": record(),
        "obligations_of": [{"obligation": "obl_1", "agency": "mnr-130822", "state": "delivered"}],
    }
    payload = {"record": {"id": RECORD, "version": 1, "data": {"penalty": {"category": "罚款"}}}}
    hub.told.filled["notifications"] = [{"void": False, "payload": payload}]
    assert [await served(hub.agency()), await served(hub.supplier())] == [200, 200]
    hub.archive.filled["record_of"] = record(**changed)
    assert [await served(hub.agency()), await served(hub.supplier()), await served(hub.operator())] == [404, 200, 200]


@pytest.mark.parametrize("as_of", ["2026-11-20", "2026-11-20T08:00:00+08:00", "2026-11-20T08:00:00Z"])
async def test_the_past_is_for_auditors_or_for_a_receipt_of_that_moment(hub: Desk, as_of: str) -> None:
    hub.archive.filled |= {"record_of": record(), "as_of": [{"record": RECORD, "version": 1}]}
    auditor = hub.client.with_key(hub.key(agency=None, roles=["auditor"], items=[], sources=[]))
    told = await auditor.get(f"/v1/records/{RECORD}", as_of=as_of)
    assert told.status == 200, told.text
    assert told.json()["as_of"]
    for who in (hub.operator(), hub.supplier(), hub.agency()):
        refused = await who.get(f"/v1/records/{RECORD}", as_of=as_of)
        assert (refused.status, refused.json()["code"]) == (403, "past-not-granted")
    hub.submissions.filled["find"] = {"submission": "sub_1", "supplier": "samr-130822"}
    hub.archive.filled["received"] = {"at": "2026-11-20T00:00:00Z"}
    assert (await hub.supplier().get(f"/v1/records/{RECORD}", receipt="sub_1")).status == 200
    assert (await hub.operator().get(f"/v1/records/{RECORD}", receipt="sub_1")).status == 200
    hub.archive.filled["received"] = None  # the receipt is about something else
    assert (await hub.operator().get(f"/v1/records/{RECORD}", receipt="sub_1")).status == 403


@pytest.mark.parametrize(
    "as_of", ["", "yesterday", "2026-13-01", "9999-12-31", "2026-11-20T08:00:00", "0001-01-01T00:00:00+14:00"]
)
async def test_a_moment_that_cannot_be_read_is_refused(hub: Desk, as_of: str) -> None:
    hub.archive.filled["record_of"] = record()
    auditor = hub.client.with_key(hub.key(agency=None, roles=["auditor"], items=[], sources=[]))
    answer = await auditor.get(f"/v1/records/{RECORD}", as_of=as_of)
    assert (answer.status, answer.json()["code"]) == (422, "request-invalid")


async def test_an_old_code_answers_with_the_successor_and_says_so(hub: Desk) -> None:
    old, new = {"organisation_code": "PDY901010"}, {"organisation_code": "PDY902020"}
    hub.archive.filled |= {
        "subject": lambda code, _: new if code == "PDY902020" else old,
        "links": [{"from_code": "PDY901010", "to_code": "PDY902020", "kind": "recoded"}],
        "records": [record(), record(record="rec_new", organisation_code="PDY902020")],
    }
    told = (await hub.operator().get(f"/v1/subjects/{CODE}")).json()
    assert (told["subject"], told["asked_for"]) == (new, old)
    (asked,) = [asked for name, asked in hub.archive.asked if name == "records"]
    assert asked["args"] == (("PDY901010", "PDY902020"),)


@pytest.mark.requirement("R251")
async def test_who_still_holds_is_unknown_while_catching_up(hub: Desk) -> None:
    hub.archive.filled["holding"] = [{"agency": "mnr-130822", "number": 2, "hours": 4.5}]
    told = (await hub.operator().get("/v1/holding")).json()
    assert (told["known"], told["total"], told["hours"]) == (True, 2, 4.5)
    hub.archive.filled["catching_up"] = True
    hub.archive.filled["obligations"] = [{"obligation": "obl_1", "still_holding": True, "holding_hours": 4.5}]
    told = (await hub.operator().get("/v1/holding")).json()
    assert (told["known"], told["state"], told["holding"]) == (False, "unknown", None)
    (row,) = (await hub.operator().get("/v1/obligations")).json()["obligations"]
    assert (row["still_holding"], row["holding_hours"]) == (None, None)


@pytest.mark.requirement("R251", "R252", "R253", "R255")
async def test_accounting_is_read_as_a_table_that_starts_no_formula(hub: Desk) -> None:
    store: Any = hub.parts.stores.accounting
    figure = {"department": "=cmd()", "triggered": 2, "delivered": 1, "hours_to_execute_median": None}
    store.filled |= {
        "figures": [figure],
        "violations": [{"department": "samr", "violation": "late-repair", "number": 1}],
    }
    table = await hub.operator().get("/v1/accounting", by="department", format="csv")
    assert table.headers["content-type"].startswith("text/csv")
    head, line = table.body.decode("utf-8-sig").splitlines()
    assert head.split(",", 3)[:3] == ["部门 department", "已触发 triggered", "已送达 delivered"]
    assert head.endswith('"执行用时（小时，中位） hours to execution, median"')
    assert line == "'=cmd(),2,1,"
    violations = await hub.operator().get("/v1/accounting", format="csv", part="violations")
    assert violations.body.decode("utf-8-sig").splitlines()[1] == "samr,未按规定及时修复 late repair,1"
    told = (await hub.operator().get("/v1/accounting", by="department,month")).json()
    assert told["by"] == ["department", "month"]
    for query in ({"by": "person"}, {"from": "2026-12-01", "to": "2026-01-01"}, {"from": "x"}, {"format": "xls"}):
        assert (await hub.operator().get("/v1/accounting", **query)).status == 422, query


async def test_an_agency_is_accounted_its_own_line(hub: Desk) -> None:
    store: Any = hub.parts.stores.accounting
    await hub.agency().get("/v1/accounting")
    await hub.operator().get("/v1/accounting")
    assert [asked["args"][0].agency for name, asked in store.asked if name == "figures"] == ["mnr-130822", None]
