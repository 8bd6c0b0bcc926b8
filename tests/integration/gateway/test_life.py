"""Understands the reads of a record's life on PostgreSQL: current, past, linked, still holding, accounted."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson
import pytest

from credithub.domain.text import fold_name
from services.gateway.store.accounting import Asked
from tests.harness.asgi import Client
from tests.integration.gateway.conftest import Hub

CODE, OLD, NEW = "91130822PDY9010105", "PDY901010", "PDY902029"
RECORDED = (
    "INSERT INTO matcher.records (organisation_code, record, item, kind, state, version, content, folded_number, issuer,"
    " decided_on, supplier, source, id, catalogue, document, data, seq, archived_at) VALUES"
    " ($1, $2, $3, $4, $5, $6, 'c', $2, 'i', '2026-11-01', $7, '//s', $2, $8, '{}', $9, 1, $10::text::timestamptz)"
)
CATALOGUE = "2026-illustrative.2"


async def recorded(
    hub: Hub, record: str, *, code: str = OLD, state: str = "active", version: int = 1, **more: Any
) -> None:
    await hub.write(
        RECORDED, code, record, more.get("item", "penalty"), more.get("kind", "penalty.imposed"), state, version,
        more.get("supplier", "samr-130822"), CATALOGUE, orjson.dumps(more.get("data", {"v": version})).decode(),
        more.get("at", "2026-11-02T00:00:00Z"),
    )  # fmt: skip


async def changed(
    hub: Hub, record: str, n: int, at: str, change: str, version: int, state: str = "active", **more: Any
) -> None:
    await hub.write(
        "INSERT INTO matcher.record_changes (organisation_code, record, n, at, change, version, state, disputed, shielded,"
        " reason) VALUES ($1, $2, $3, $4::text::timestamptz, $5, $6, $7, $8, $9, $10)",
        OLD, record, n, at, change, version, state, more.get("disputed", False), more.get("shielded", False),
        orjson.dumps({"code": change}).decode(),
    )  # fmt: skip


async def obliged(
    hub: Hub, obligation: str, agency: str, *, state: str = "triggered", sql: str = "", begun: bool = True
) -> None:
    await hub.write(
        "INSERT INTO matcher.obligations (organisation_code, obligation, case_id, record, item, measure, department, agency,"
        " epoch, version, state, mandatory, catalogue, explain) VALUES ($1, $2, 'cas_1', 'rec_1', 'penalty', 'm1', $3, $4, 1,"
        " 1, $5, true, $6, '{}')",
        OLD, obligation, agency.rpartition("-")[0], agency, state, CATALOGUE,
    )  # fmt: skip
    if sql:
        await hub.write(f"UPDATE matcher.obligations SET {sql} WHERE obligation = $1", obligation)
    await hub.write(
        "INSERT INTO notifier.tasks (agency, obligation, seen_epoch, seen_version, begun) VALUES ($1, $2, 1, 1, $3)",
        agency, obligation, ["pull"] if begun else [],
    )  # fmt: skip


@pytest.fixture
async def world(hub: Hub) -> dict[str, Client]:
    await hub.agency("samr-130822")
    who = {"supplier": await hub.supplier("samr-130822", ["penalty"], ["//samr-130822/penalties"])}
    for name in ("mnr", "mof"):
        who[name] = hub.client.with_key((await hub.agency(f"{name}-130822"))["key"]["secret"])
    made = await hub.operator.post("/v1/keys", {"roles": ["auditor"]})
    who["auditor"] = hub.client.with_key(made.json()["secret"])
    await hub.write(
        f"INSERT INTO matcher.subjects (organisation_code, unified_code, name, seat, registered) VALUES ('{OLD}', '{CODE}',"
        f" '兴隆县演示商贸有限公司', '130822', true), ('{NEW}', NULL, '兴隆县演示商贸集团有限公司', '130822', true)"
    )
    return who


async def test_a_past_moment_shows_the_version_and_state_that_were_known_then(
    hub: Hub, world: dict[str, Client]
) -> None:
    await recorded(hub, "rec_1", version=2, state="withdrawn")
    await hub.write(
        "INSERT INTO matcher.record_versions (organisation_code, record, version, content, document, data, source, id,"
        f" archived_at, replaced_at) VALUES ('{OLD}', 'rec_1', 1, 'c', '{{}}', '{{\"v\": 1}}', '//s', 'rec_1',"
        " '2026-11-02T00:00:00Z', '2026-11-05T00:00:00Z')"
    )
    await changed(hub, "rec_1", 1, "2026-11-02T00:00:00Z", "entered", 1)
    await changed(hub, "rec_1", 2, "2026-11-03T00:00:00Z", "disputed", 1, disputed=True)
    await changed(hub, "rec_1", 3, "2026-11-05T00:00:00Z", "corrected", 2)
    await changed(hub, "rec_1", 4, "2026-11-10T00:00:00Z", "withdrawn", 2, "withdrawn")
    seen = []
    for as_of in ("2026-11-02", "2026-11-04T12:00:00+08:00", "2026-11-06", "2026-11-10"):
        told = (await world["auditor"].get("/v1/records/rec_1", as_of=as_of)).json()
        seen.append((told["version"], told["state"], told["disputed"], told["data"]))
    assert seen == [
        (1, "active", False, {"v": 1}), (1, "active", True, {"v": 1}), (2, "active", False, {"v": 2}),
        (2, "withdrawn", False, {"v": 2}),
    ]  # fmt: skip
    assert (await world["auditor"].get("/v1/records/rec_1", as_of="2026-11-01")).status == 404
    history = (await world["supplier"].get("/v1/records/rec_1/history")).json()
    assert [change["change"] for change in history["changes"]] == ["entered", "disputed", "corrected", "withdrawn"]
    assert history["changes"][1]["why"] == {"code": "disputed"}
    assert [version["data"] for version in history["versions"]] == [{"v": 1}]
    assert (await world["mnr"].get("/v1/records/rec_1/history")).status == 403


async def test_a_record_older_than_the_list_of_changes_is_read_off_its_own_row(
    hub: Hub, world: dict[str, Client]
) -> None:
    await recorded(hub, "rec_1", state="removed")
    await hub.write("UPDATE matcher.records SET ended_at = '2026-11-08T00:00:00Z'")
    await changed(hub, "rec_1", 7, "2026-11-20T00:00:00Z", "annotated", 1, "removed")
    told = [
        (await world["auditor"].get("/v1/records/rec_1", as_of=day)).json()["state"]
        for day in ("2026-11-05", "2026-11-09")
    ]
    assert told == ["active", "removed"]


async def test_a_receipt_opens_the_moment_it_is_of_for_what_it_was_about(hub: Hub, world: dict[str, Client]) -> None:
    await recorded(hub, "rec_1", version=1)
    await recorded(hub, "rec_2", version=1)
    await changed(hub, "rec_1", 1, "2026-11-02T00:00:00Z", "entered", 1)
    await changed(hub, "rec_1", 2, "2026-11-10T00:00:00Z", "withdrawn", 1, "withdrawn")
    await hub.write(
        "INSERT INTO ingest.submissions (submission, supplier, source, form, received_at, entries) VALUES ('sub_1',"
        " 'samr-130822', '//s', 'event', '2026-11-02T00:00:00Z', 1)"
    )
    await hub.write(
        "INSERT INTO matcher.entries (source, id, digest, submission, index, supplier, item, outcome, organisation_code,"
        f" record, received_at, decided_at) VALUES ('//s', 'a', 'd', 'sub_1', 0, 'samr-130822', 'penalty', 'archived',"
        f" '{OLD}', 'rec_1', '2026-11-02T00:00:00Z', '2026-11-02T00:00:01Z')"
    )
    for who in (world["supplier"], hub.operator):
        told = (await who.get("/v1/records/rec_1", receipt="sub_1")).json()
        assert (told["state"], told["as_of"][:10]) == ("active", "2026-11-02")
        assert (await who.get("/v1/records/rec_2", receipt="sub_1")).json()["code"] == "past-not-granted"
        assert (await who.get("/v1/records/rec_1", as_of="2026-11-02")).status == 403
    assert (await world["mnr"].get("/v1/records/rec_1", receipt="sub_1")).status == 403


async def test_linked_codes_are_one_subject_until_the_link_is_taken_back(hub: Hub, world: dict[str, Client]) -> None:
    await recorded(hub, "rec_1")
    await recorded(hub, "rec_2", code=NEW)
    await hub.write(
        "INSERT INTO matcher.subject_links (from_code, to_code, kind, effective_on, record) VALUES"
        f" ('{OLD}', '{NEW}', 'recoded', '2026-11-05', 'rec_9')"
    )
    for code in (CODE, OLD, NEW):
        told = (await hub.operator.get(f"/v1/subjects/{code}")).json()
        assert told["subject"]["organisation_code"] == NEW
        assert (told["asked_for"] or {}).get("organisation_code") == (None if code == NEW else OLD)
        assert {row["record"] for row in told["records"]} == {"rec_1", "rec_2"}
    as_of = await world["auditor"].get(f"/v1/subjects/{CODE}/records", as_of="2026-11-20")
    assert {row["record"] for row in as_of.json()["records"]} == {"rec_1", "rec_2"}
    await hub.write("UPDATE matcher.subject_links SET reverted_at = now()")
    told = (await hub.operator.get(f"/v1/subjects/{CODE}/records")).json()
    assert (told["asked_for"], [row["record"] for row in told["records"]]) == (None, ["rec_1"])


@pytest.mark.requirement("R208", "R218", "R219", "R226")
async def test_objections_and_repairs_are_listed_with_due_dates_by_whom_they_concern(
    hub: Hub, world: dict[str, Client]
) -> None:
    await recorded(hub, "rec_1")
    for number, due, state in (
        ("异1", "2020-01-01", "open"),
        ("异2", "2099-01-01", "open"),
        ("异3", "2020-01-01", "refused"),
    ):
        await hub.write(
            "INSERT INTO matcher.objections (organisation_code, objection, record, by, filed_by, ground, statement, document,"
            f" state, opened_at, determining, supplier_due_on, collector_due_on) VALUES ('{OLD}', $1, 'rec_1', 'agency',"
            " 'mnr-130822', 'facts', 's', '{}', $2, now(), 'samr-130822', $3, $3)",
            number, state, date.fromisoformat(due),
        )  # fmt: skip
    await hub.write(
        "INSERT INTO matcher.repairs (organisation_code, repair, record, filed_by, determining, commitment, document, state,"
        f" applied_at, due_on) VALUES ('{OLD}', '修1', 'rec_1', 'hub', 'samr-130822', true, '{{}}', 'applied', now(),"
        " '2020-01-01')"
    )

    async def numbers(who: Client, **query: object) -> list[str]:
        return [row["objection"] for row in (await who.get("/v1/objections", **query)).json()["objections"]]

    assert (
        await numbers(hub.operator)
        == await numbers(world["supplier"])
        == await numbers(world["mnr"])
        == ["异1", "异2", "异3"]
    )
    assert await numbers(world["mof"]) == []
    assert await numbers(hub.operator, mine="late") == ["异1"]
    assert await numbers(world["supplier"], mine="to-verify") == ["异1", "异2"]
    assert await numbers(world["mnr"], mine="to-verify") == []
    assert await numbers(hub.operator, state="refused", subject=CODE, record="rec_1") == ["异3"]
    first = (await hub.operator.get("/v1/objections", limit=2)).json()
    assert await numbers(hub.operator, after=first["next"]) == ["异3"]
    one = (await world["mnr"].get("/v1/objections/异1")).json()
    assert [(step["who"], step["late"]) for step in one["next"]] == [("samr-130822", True), ("hub", True)]
    (repair,) = (await world["supplier"].get("/v1/repairs", mine="to-decide")).json()["repairs"]
    assert (repair["repair"], repair["late"], repair["next"][0]["who"]) == ("修1", True, "samr-130822")
    assert (await world["mof"].get("/v1/repairs/修1")).status == 404


@pytest.mark.requirement("R251")
async def test_who_still_holds_is_exactly_whoever_was_told_and_has_not_let_go(
    hub: Hub, world: dict[str, Client]
) -> None:
    await recorded(hub, "rec_1")
    held = "ended_at = now() - interval '5 hours'"
    await obliged(hub, "obl_1", "mnr-130822", state="lifting", sql=held)
    await obliged(hub, "obl_2", "mnr-130822", sql="suspended = true, suspended_at = now() - interval '2 hours'")
    await obliged(hub, "obl_3", "mof-130822", state="lifting", sql=held, begun=False)  # never told of it
    await obliged(hub, "obl_4", "mof-130822", sql="suspended = true, confirmed = true, suspended_at = now()")
    await obliged(hub, "obl_5", "mof-130822", sql="overdue = true")

    async def asked(who: Client, **query: object) -> list[str]:
        return [row["obligation"] for row in (await who.get("/v1/obligations", **query)).json()["obligations"]]

    assert await asked(hub.operator, still_holding="true") == ["obl_1", "obl_2"]
    assert await asked(hub.operator, still_holding="false") == ["obl_3", "obl_4", "obl_5"]
    assert await asked(hub.operator, overdue="true") == ["obl_5"]
    assert await asked(hub.operator, suspended="true") == ["obl_2", "obl_4"]
    assert await asked(world["mof"], still_holding="true") == []
    one = (await world["mnr"].get("/v1/obligations/obl_1")).json()
    assert (one["still_holding"], one["holding_hours"]) == (True, 5.0)
    (line,) = (await hub.operator.get("/v1/holding")).json()["holding"]
    assert (line["agency"], line["number"], line["lifting"], line["suspended"], line["hours"]) == (
        "mnr-130822",
        2,
        1,
        1,
        5.0,
    )
    assert (await world["mof"].get("/v1/holding")).json()["total"] == 0
    await hub.write("INSERT INTO hub.restores (epoch, from_dump, dumped_at, same_kafka) VALUES (2, 'd', now(), true)")
    assert (await hub.operator.get("/v1/holding")).json()["state"] == "unknown"


async def test_a_name_that_waits_is_shown_with_what_speaks_for_and_against(hub: Hub, world: dict[str, Client]) -> None:
    event = {"name": "演示商贸有限公司", "kind": "penalty.imposed", "document": {"number": "1"}, "legacy": []}
    await hub.write(
        "INSERT INTO matcher.waiting (awaits, source, id, event) VALUES ($1, '//s', 'w', $2)",
        "name:" + fold_name("演示商贸有限公司"), orjson.dumps(event),
    )  # fmt: skip
    await hub.write(
        "INSERT INTO matcher.entries (source, id, digest, submission, index, supplier, item, outcome, received_at) VALUES"
        " ('//s', 'w', 'd', 'sub_1', 0, 'samr-130822', 'penalty', 'waiting-subject', now())"
    )
    await hub.write(
        "INSERT INTO matcher.subjects (organisation_code, name, seat, status, registered) VALUES"
        " ('PDY904045', '演示商贸有限公司', '440100', 'active', false), ('PDY905053', '燕山采石场', '130822', 'active', true)"
    )
    (entry,) = (await hub.operator.get("/v1/candidates")).json()["candidates"]
    assert (entry["name"], entry["item"], entry["supplier"]) == ("演示商贸有限公司", "penalty", "samr-130822")
    told = {
        row["subject"]["organisation_code"]: [
            {said["code"] for said in row[side]} for side in ("speaks_for", "speaks_against")
        ]
        for row in entry["candidates"]
    }
    assert told["PDY904045"] == [{"name-equal"}, {"other-division", "not-registered"}]
    assert told[OLD] == [{"name-similar", "same-division", "registered"}, {"name-different"}]
    assert "PDY905053" not in told
    assert "score" not in str(entry)
    assert entry["candidates"][0]["subject"]["organisation_code"] == "PDY904045"
    assert (await world["supplier"].get("/v1/candidates")).status == 403


@pytest.mark.requirement("R251", "R253", "R254", "R258")
async def test_figures_count_what_became_of_what_was_triggered(hub: Hub, world: dict[str, Client]) -> None:
    await recorded(hub, "rec_1")
    made = "created_at = '2026-11-10T00:00:00Z'"
    await obliged(hub, "obl_1", "mnr-130822", state="executed",
                  sql=f"{made}, delivered_at = '2026-11-10T01:00:00Z', executed_at = '2026-11-10T10:00:00Z'")  # fmt: skip
    await obliged(hub, "obl_2", "mnr-130822", state="executed",
                  sql=f"{made}, delivered_at = '2026-11-10T03:00:00Z', executed_at = '2026-11-10T20:00:00Z'")  # fmt: skip
    await obliged(hub, "obl_3", "mof-130822", state="lifting", sql=f"{made}, ended_at = now(), overdue = true")
    await obliged(hub, "obl_4", "mof-130822", state="declined", sql="created_at = '2026-08-01T00:00:00Z'")
    period = {"from": "2026-11-01", "to": "2026-11-30"}
    told = (await hub.operator.get("/v1/accounting", by="department", **period)).json()
    mnr, mof = sorted(told["figures"], key=lambda row: row["department"])
    assert (mnr["department"], mnr["triggered"], mnr["executed"], mnr["hours_to_execute_median"]) == ("mnr", 2, 2, 15.0)
    assert (mnr["hours_to_deliver_median"], mnr["hours_to_execute_p90"]) == (2.0, 19.0)
    assert (mof["triggered"], mof["still_holding"], mof["overdue"], mof["hours_to_execute_median"]) == (1, 1, 1, None)
    for by, value in (("region", "130822"), ("level", "county"), ("measure", "m1"), ("provider", "samr-130822"),
                      ("month", "2026-11"), ("quarter", "2026Q4")):  # fmt: skip
        (line,) = (await hub.operator.get("/v1/accounting", by=by, **period)).json()["figures"]
        assert (line[by], line["triggered"]) == (value, 3), by
    (used,) = (await world["supplier"].get("/v1/accounting", by="provider", **period)).json()["figures"]
    assert (used["provider"], used["triggered"], used["executed"]) == ("samr-130822", 3, 2)
    assert (await world["mof"].get("/v1/accounting", by="provider", **period)).json()["figures"] == []
    own = (await world["mnr"].get("/v1/accounting", by="agency", **period)).json()["figures"]
    assert [row["agency"] for row in own] == ["mnr-130822"]
    table = await hub.operator.get("/v1/accounting", by="agency,quarter", format="csv", **{"from": "2026-01-01"})
    assert len(table.body.decode("utf-8-sig").splitlines()) == 4
    assert await hub.parts.account() == 0


@pytest.mark.requirement("R255")
async def test_exactly_the_four_violations_are_counted(hub: Hub, world: dict[str, Client]) -> None:
    def reasons(*codes: str) -> str:
        return orjson.dumps([{"code": code} for code in codes]).decode()

    for n, codes in enumerate([("item-not-in-catalogue", "owner-not-allowed"), ("USC_CHECK",), ("list-type-unknown",)]):
        await hub.write(
            "INSERT INTO ingest.quarantine (submission, index, source, id, digest, supplier, item, form, received_at, reasons)"
            " VALUES ('s', $1, '//s', $2, 'd', 'samr-130822', 'penalty', 'event', now(), $3)",
            n, str(n), reasons(*codes),
        )  # fmt: skip
    await hub.write(
        "INSERT INTO matcher.repeats_seen (submission, index, source, id, supplier, item, outcome, reasons, received_at)"
        " VALUES ('t', 0, '//s', 'x', 'samr-130822', 'focus', 'refused', $1, now())", reasons("listing-notice-missing"),
    )  # fmt: skip
    await hub.write(
        "INSERT INTO matcher.feedback (id, obligation, agency, epoch, version, answer, via, received_at, outcome, refusal)"
        " VALUES ('f', 'obl_1', 'mnr-130822', 1, 1, 'executed', 'http', now(), 'refused', 'measure-outside-list')"
    )
    repair = (
        "INSERT INTO matcher.repairs (organisation_code, repair, record, filed_by, determining, commitment, document, state,"
        f" applied_at, due_on, decided_at) VALUES ('{OLD}', $1, 'rec_1', 'hub', 'samr-130822', true, '{{}}', $2, now(),"
        " (now() AT TIME ZONE 'Asia/Shanghai')::date - 1, $3::text::timestamptz)"
    )
    await hub.write(repair, "late", "applied", None)
    await hub.write(repair, "in time", "granted", "2020-01-01T00:00:00Z")
    await recorded(hub, "rec_l", item="judgment-debtor", kind="judgment-debtor.listed", supplier="spc-130822",
                   state="removed", at="2026-09-01T00:00:00Z")  # fmt: skip
    await recorded(hub, "rec_x", item="judgment-debtor", kind="judgment-debtor.removed", supplier="spc-130822",
                   data={"removal": {"removed_on": "2026-11-02"}}, at="2026-11-10T00:00:00Z")  # fmt: skip
    await hub.write("UPDATE matcher.records SET ended_by = 'rec_x' WHERE record = 'rec_l'")
    refused = await world["supplier"].post(
        "/v1/events",
        {
            "specversion": "1.0",
            "id": "1",
            "source": "//samr-130822/penalties",
            "type": "credithub.made.up.v1",
            "data": {},
        },
        headers={"content-type": "application/cloudevents+json"},
    )
    assert refused.status == 422
    assert await hub.parts.account() == 1
    period = {"from": "2026-01-01"}
    told = (await hub.operator.get("/v1/accounting", by="agency", **period)).json()["violations"]
    assert {(row["agency"], row["violation"]): row["number"] for row in told} == {
        ("samr-130822", "outside-catalogue"): 2, ("samr-130822", "listing-without-prerequisites"): 2,
        ("samr-130822", "late-repair"): 1, ("mnr-130822", "outside-list"): 1, ("spc-130822", "late-repair"): 1,
    }  # fmt: skip
    own = (await world["mnr"].get("/v1/accounting", by="", **period)).json()["violations"]
    assert own == [{"violation": "outside-list", "number": 1}]
    metrics = (await hub.client.get("/metrics")).text
    assert 'credithub_accounting_violations{violation="outside-catalogue"} 2.0' in metrics


async def test_what_could_not_be_kept_is_kept_the_next_time(hub: Hub) -> None:
    store = hub.parts.stores.accounting
    store.turned_away("samr-130822", "", "kind-unknown")
    await hub.write("REVOKE INSERT ON gateway.refusals FROM credithub_gateway")
    with pytest.raises(Exception, match="permission denied"):
        await store.keep(date(2026, 11, 22))
    await hub.write("GRANT INSERT ON gateway.refusals TO credithub_gateway")
    store.turned_away("samr-130822", "", "kind-unknown")
    assert await store.keep(date(2026, 11, 22)) == 2
    asked = Asked(by=(), since=date(2026, 11, 22), until=date(2026, 11, 22))
    assert [dict(row) for row in await store.violations(asked)] == [{"violation": "outside-catalogue", "number": 2}]
