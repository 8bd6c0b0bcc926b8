"""Understands that nobody sees what is another's: for something foreign the very answer as for something that is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e import papers
from tests.harness.eventually import eventually_so
from tests.harness.hub import Answer, Holder, Hub, JsonObject

MINE = (
    "submission",
    "record",
    "case_id",
    "obligation",
    "message",
    "unified_code",
    "organisation_code",
    "registration_number",
)


@dataclass(slots=True)
class Side:
    """All that one county has: keys of each role, and every id it ever saw."""

    supplier: Holder
    court: Holder
    register: Holder
    agency: Holder
    event: JsonObject
    ids: Mapping[str, str]

    @property
    def holders(self) -> tuple[Holder, ...]:
        return self.supplier, self.court, self.register, self.agency


def side(hub: Hub) -> Side:
    county, who = hub.county(), hub.organisation()
    made = Side(
        hub.supplier(f"mwr-{county}", "licence"),
        hub.supplier(f"spc-{county}", "judgment-debtor"),
        hub.supplier(f"aab-{county}", "registration"),
        hub.agency(f"moj-{county}", "pull"),
        {},
        {},
    )
    event = made.register.event("subject.registered", papers.registration(who, county), hub.id("registration"))
    assert made.register.states(event) == ["archived"]
    licence = papers.licence(papers.subject(who), f"演许〔2026〕{who.number}号")
    made.event = made.supplier.event("licence.granted", licence, hub.id("licence"))
    told = made.supplier.post(made.event).ok(202)
    listing = papers.listing(papers.subject(who), papers.case_number(who.number))
    assert made.court.states(made.court.event("judgment-debtor.listed", listing, hub.id("listing"))) == ["archived"]
    owed = eventually_so(lambda: made.agency.get("/v1/obligations")["obligations"])[0]
    notified = eventually_so(lambda: made.agency.pull()[0])[0]
    made.ids = {
        "submission": told["submission"],
        "record": told["entries"][0]["record"],
        "case_id": owed["case_id"],
        "obligation": owed["obligation"],
        "message": notified["message"],
        "unified_code": who.unified_code,
        "organisation_code": who.unified_code[8:17],
        "registration_number": who.registration_number,
        "agency": made.agency.agency,
    }
    return made


@pytest.fixture(scope="module")
def sides(hub: Hub) -> tuple[Side, Side]:
    return side(hub), side(hub)


def bare(answer: Answer) -> tuple[int, Any]:
    """What a caller learns, without what is new in every answer."""
    return answer.status, answer.json


def reads(ids: Mapping[str, str]) -> Iterable[tuple[str, dict[str, str]]]:
    """Every way of asking for one thing by its id, with each id tried in each place."""
    for id_ in ids.values():
        for path in ("submissions", "obligations", "subjects", "catalogues"):
            yield f"/v1/{path}/{id_}", {}


def test_each_id_of_another_is_answered_as_one_that_nobody_has(sides: tuple[Side, Side]) -> None:
    mine, other = sides
    nobodys = dict.fromkeys(MINE, "sub_01997f0e4ad87c5a9d3e0c6b8a1f2d47_0f3c9a1b2d")
    for holder in mine.holders:
        absent = {path.split("/")[2]: holder.call("GET", path) for path, _ in reads(nobodys)}
        for path, query in reads(other.ids):
            foreign = holder.call("GET", path, query=query)
            assert bare(foreign) == bare(absent[path.split("/")[2]]), f"{holder.agency} {path}"
            assert foreign.status in (403, 404)
            assert not any(value in foreign.body.decode() for value in other.ids.values())


def test_the_owner_sees_what_others_do_not(sides: tuple[Side, Side]) -> None:
    mine, _ = sides
    assert mine.supplier.get(f"/v1/submissions/{mine.ids['submission']}")["archived"] == 1
    assert mine.agency.get(f"/v1/obligations/{mine.ids['obligation']}")["agency"] == mine.agency.agency
    for name in ("unified_code", "organisation_code", "registration_number"):
        assert (
            mine.supplier.get(f"/v1/subjects/{mine.ids[name]}")["subject"]["unified_code"] == mine.ids["unified_code"]
        )
        assert mine.agency.get(f"/v1/subjects/{mine.ids[name]}")["obligations"]


def test_a_trail_is_its_suppliers_alone(sides: tuple[Side, Side]) -> None:
    mine, other = sides
    place = {"source": other.event["source"], "id": other.event["id"]}
    for holder in (mine.supplier, mine.court, mine.register, other.court):
        holder.call("GET", "/v1/trail", query=place).problem(404, "not-found")
    mine.agency.call("GET", "/v1/trail", query=place).problem(403, "role-missing")
    assert other.supplier.get("/v1/trail", **place)["record"]["record"] == other.ids["record"]


def test_lists_hold_ones_own_alone_whatever_is_asked_for(sides: tuple[Side, Side]) -> None:
    mine, other = sides
    for query in ({}, {"agency": other.agency.agency}, {"state": "triggered"}, {"still_holding": "false"}):
        told = mine.agency.call("GET", "/v1/obligations", query=query).ok()["obligations"]
        assert {each["agency"] for each in told} <= {mine.agency.agency}
    told = mine.agency.pull()[0]
    assert {each["notification"]["agency"] for each in told} == {mine.agency.agency}
    for holder in (mine.supplier, mine.court, mine.register):
        for query in ({}, {"supplier": other.supplier.agency}, {"after": other.ids["submission"]}):
            found = holder.call("GET", "/v1/submissions", query=query).ok()["submissions"]
            assert {each["supplier"] for each in found} <= {holder.agency}


def test_another_agencys_cursor_opens_nothing(sides: tuple[Side, Side]) -> None:
    mine, other = sides
    _, cursor = other.agency.pull()
    mine.agency.call("GET", "/v1/notifications", query={"after": cursor}).problem(400, "cursor-invalid")


def test_nobody_answers_for_another_nor_reports_under_its_source(sides: tuple[Side, Side], hub: Hub) -> None:
    mine, other = sides
    said = {"epoch": 1, "version": 1, "answer": "executed"}
    absent = mine.agency.answer("obl_of_nobody", said)
    assert bare(mine.agency.answer(other.ids["obligation"], said)) == bare(absent)
    absent.problem(404, "not-found")
    forged = other.event | {"id": hub.id("forged")}
    told = mine.supplier.post(forged).problem(422, "entries-refused")
    assert told["errors"][0]["code"] == "source-not-granted"
    other.supplier.call("GET", "/v1/trail", query={"source": forged["source"], "id": forged["id"]}).problem(404)
    assert other.agency.get(f"/v1/obligations/{other.ids['obligation']}")["feedback"] == []


@pytest.mark.requirement("R233")
def test_a_record_is_shown_only_to_who_sent_it_or_must_act_on_it(sides: tuple[Side, Side]) -> None:
    """The court and the bureau of one county both wrote of the same organisation; neither reads the other."""
    mine, _ = sides
    code = mine.ids["unified_code"]
    assert [each["item"] for each in mine.supplier.get(f"/v1/subjects/{code}")["records"]] == ["licence"]
    assert [each["item"] for each in mine.court.get(f"/v1/subjects/{code}")["records"]] == ["judgment-debtor"]
    seen = mine.agency.get(f"/v1/subjects/{code}")
    assert {each["item"] for each in seen["records"]} == {"judgment-debtor"}
    assert {each["agency"] for each in seen["obligations"]} == {mine.agency.agency}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/agencies"),
        ("POST", "/v1/agencies"),
        ("DELETE", "/v1/agencies/{agency}"),
        ("GET", "/v1/keys"),
        ("POST", "/v1/keys"),
        ("POST", "/v1/keys/x/disable"),
        ("POST", "/v1/keys/x/rotate"),
        ("POST", "/v1/catalogues"),
        ("GET", "/v1/audit"),
    ],
)
def test_the_registry_is_the_operators_alone(sides: tuple[Side, Side], hub: Hub, method: str, path: str) -> None:
    mine, other = sides
    address = path.replace("{agency}", other.agency.agency)
    for holder in mine.holders:
        holder.call(method, address, content={}).problem(403, "role-missing")
    hub.door.call(method, address, content={}).problem(401, "key-missing")
    hub.door.call(method, address, key=mine.supplier.key + "A", content={}).problem(401, "key-refused")
    if method != "GET":
        hub.auditor().call(method, address, content={}).problem(403, "role-missing")
    assert other.agency.get("/v1/obligations")["obligations"]


def test_an_auditor_reads_all_and_changes_nothing(sides: tuple[Side, Side], hub: Hub) -> None:
    auditor, (mine, other) = hub.auditor(), sides
    for each in (mine, other):
        assert auditor.get(f"/v1/submissions/{each.ids['submission']}")["supplier"] == each.supplier.agency
        assert auditor.get(f"/v1/obligations/{each.ids['obligation']}")["agency"] == each.agency.agency
        assert auditor.trail(each.event["source"], each.event["id"])["record"]
    auditor.post(mine.event).problem(403, "role-missing")
    auditor.answer(mine.ids["obligation"], {"epoch": 1, "version": 1, "answer": "executed"}).problem(
        403, "role-missing"
    )
