"""Understands how a version comes into the registry: proposed, consulted, approved by another hand, each step audited."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from credithub.clock import today
from credithub.db.engine import make_engine, text
from tests.harness.asgi import Client
from tests.integration.gateway.conftest import Hub
from tests.unit.catalogue.shelf import content, row

VERSION = "2027-demo.1"
PATH = f"/v1/catalogues/proposals/{VERSION}"
pytestmark = pytest.mark.requirement("R025")


def made(effective_in: int = 60, **manifest: Any) -> dict[str, Any]:
    changed = content()
    day = today() + timedelta(days=effective_in)
    changed["manifest"] |= {"version": VERSION, "effective_from": day.isoformat(), **manifest}
    row(changed, "measures", "P64-06").update(executable=False, because="not-bound", triggers=[])
    return changed


def with_other_criteria(**manifest: Any) -> dict[str, Any]:
    changed = made(**manifest)
    changed["list_types"][0]["remedy_zh"] = "可向作出列入决定的人民法院申请纠正"
    return changed


def days(first: int, last: int) -> dict[str, str]:
    return {"from": (today() + timedelta(days=first)).isoformat(), "to": (today() + timedelta(days=last)).isoformat()}


async def another(hub: Hub, **changed: Any) -> Client:
    """Another operator, with a key of their own."""
    answer = await hub.operator.post("/v1/keys", {"roles": ["operator"], **changed})
    assert answer.status == 201, answer.text
    return hub.client.with_key(answer.json()["secret"])


async def pass_days(hub: Hub, number: int) -> None:
    await hub.write(f"UPDATE hub.clock SET ahead = interval '{number} days'")
    await hub.parts.refresh()


async def proposed(hub: Hub, changed: dict[str, Any] | None = None) -> None:
    answer = await hub.operator.post("/v1/catalogues/proposals", {"content": changed or made(), "reason": "年度更新"})
    assert answer.status == 201, answer.text


async def consulted(hub: Hub, changed: dict[str, Any] | None = None) -> None:
    await proposed(hub, changed)
    answer = await hub.operator.post(f"{PATH}/consult", days(0, 9))
    assert answer.status == 200, answer.text


async def refused(client: Client, path: str, body: dict[str, Any]) -> tuple[int, str]:
    answer = await client.post(path, body)
    assert answer.json().get("what_to_do_zh")
    return answer.status, answer.json()["code"]


@pytest.mark.requirement("R025")
async def test_every_step_is_kept_with_who_when_and_why(hub: Hub) -> None:
    await consulted(hub)
    await pass_days(hub, 10)
    other = await another(hub)
    approved = await other.post(f"{PATH}/approve", {"reason": "联席会议通过"})
    assert approved.status == 200, approved.text
    told = (await hub.operator.get(PATH)).json()
    assert (told["state"], [step["step"] for step in told["steps"]]) == (
        "approved",
        ["proposed", "consulted", "approved"],
    )
    assert [step["reason"] for step in told["steps"]] == ["年度更新", "", "联席会议通过"]
    assert len({told["proposed_by"], told["approved_by"]}) == 2
    acts = (await hub.operator.get("/v1/audit")).json()["acts"]
    mine = [act["action"] for act in reversed(acts) if act["target"] == VERSION]
    assert mine == ["catalogue.proposed", "catalogue.consulted", "catalogue.loaded", "catalogue.approved"]


@pytest.mark.requirement("R094", "R096")
async def test_only_its_approval_brings_it_into_the_registry_and_its_day_into_force(hub: Hub) -> None:
    async def versions() -> dict[str, bool]:
        listed = (await hub.operator.get("/v1/catalogues")).json()["catalogues"]
        return {each["version"]: each["in_force"] for each in listed}

    await consulted(hub)
    assert VERSION not in await versions()
    await pass_days(hub, 10)
    await (await another(hub)).post(f"{PATH}/approve", {})
    assert (await versions())[VERSION] is False
    await pass_days(hub, 60)
    assert (await versions())[VERSION] is True


async def test_who_proposed_it_does_not_approve_it_nor_under_a_rotated_key(hub: Hub) -> None:
    await consulted(hub)
    await pass_days(hub, 10)
    assert await refused(hub.operator, f"{PATH}/approve", {}) == (403, "four-eyes")
    mine = (await hub.operator.get(PATH)).json()["proposed_by"]
    rotated = hub.client.with_key((await hub.operator.post(f"/v1/keys/{mine}/rotate", {})).json()["secret"])
    assert await refused(rotated, f"{PATH}/approve", {}) == (403, "four-eyes")


async def test_the_database_keeps_the_four_eyes_by_itself(hub: Hub) -> None:
    await consulted(hub)
    mine = (await hub.operator.get(PATH)).json()["proposed_by"]
    await hub.operator.post(f"/v1/keys/{mine}/rotate", {})
    (rotated,) = await hub.database.rows("SELECT rotated_to FROM gateway.keys WHERE id = $1", mine)
    await another(hub)
    engine = make_engine(hub.settings, "test")
    approving = "UPDATE gateway.catalogue_proposals SET state = 'approved', approved_at = now(), approved_by = '{}'"
    for statement in (
        approving.format(mine),
        approving.format(rotated["rotated_to"]),
        "UPDATE gateway.catalogue_proposals SET state = 'proposed'",
        "UPDATE gateway.catalogue_proposals SET content = '{}'",
        "UPDATE gateway.catalogue_steps SET actor = 'x'",
        "DELETE FROM gateway.catalogue_steps",
        (
            "INSERT INTO gateway.catalogues (version, effective_from, illustrative, content, digest, loaded_by)"
            " SELECT version, effective_from, true, content, digest, 'x' FROM gateway.catalogue_proposals"
        ),
    ):
        with pytest.raises(DBAPIError):
            async with engine.begin() as connection:
                await connection.execute(text(statement))
    await engine.dispose()
    assert (await hub.operator.get(PATH)).json()["state"] == "consulted"


async def test_nothing_is_approved_that_was_not_consulted_or_while_the_public_comments(hub: Hub) -> None:
    await proposed(hub)
    other = await another(hub)
    assert await refused(other, f"{PATH}/approve", {}) == (409, "proposal-state")
    await hub.operator.post(f"{PATH}/consult", days(0, 9))
    await pass_days(hub, 9)
    assert await refused(other, f"{PATH}/approve", {}) == (409, "consultation-open")
    await pass_days(hub, 61)
    assert await refused(other, f"{PATH}/approve", {}) == (422, "effective-date-past")


@pytest.mark.requirement("R133", "R135")
@pytest.mark.parametrize(("last", "status"), [(28, 422), (29, 200)])
async def test_criteria_of_a_list_are_commented_on_for_thirty_days(hub: Hub, last: int, status: int) -> None:
    await proposed(hub, with_other_criteria())
    assert (await hub.operator.get(PATH)).json()["changes_criteria"] is True
    answer = await hub.operator.post(f"{PATH}/consult", days(0, last))
    assert answer.status == status
    assert answer.json().get("code") == (None if status == 200 else "consultation-too-short")


async def test_the_number_of_days_is_a_row_of_the_catalogue_in_force(hub: Hub) -> None:
    longer = made(effective_in=0, version="2026-longer.1")
    row(longer, "periods", "list-criteria-consultation")["minimum"]["number"] = 40
    assert (await hub.operator.post("/v1/catalogues", {"content": longer})).status == 201
    await proposed(hub, with_other_criteria())
    assert await refused(hub.operator, f"{PATH}/consult", days(0, 38)) == (422, "consultation-too-short")
    assert (await hub.operator.post(f"{PATH}/consult", days(0, 39))).status == 200


async def test_a_comment_does_not_begin_before_there_was_a_proposal(hub: Hub) -> None:
    await proposed(hub)
    for wrong in (days(-1, 30), days(5, 4)):
        assert await refused(hub.operator, f"{PATH}/consult", wrong) == (422, "request-invalid")


@pytest.mark.parametrize("by_proposer", [True, False])
async def test_it_is_rejected_or_withdrawn_with_a_reason_and_never_again_approved(hub: Hub, by_proposer: bool) -> None:
    await consulted(hub)
    other = await another(hub)
    who = hub.operator if by_proposer else other
    assert await refused(who, f"{PATH}/reject", {"reason": ""}) == (422, "request-invalid")
    answer = await who.post(f"{PATH}/reject", {"reason": "依据不足"})
    assert (answer.status, answer.json()["state"]) == (200, "withdrawn" if by_proposer else "rejected")
    await pass_days(hub, 10)
    assert await refused(other, f"{PATH}/approve", {}) == (409, "proposal-state")
    assert await refused(other, f"{PATH}/consult", days(10, 12)) == (409, "proposal-state")
    assert await refused(hub.operator, "/v1/catalogues/proposals", {"content": made()}) == (409, "conflict")


async def test_a_version_is_checked_whole_before_it_is_proposed(hub: Hub) -> None:
    faulty = made()
    faulty["items"][0]["owners"] = ["nobody"]
    assert await refused(hub.operator, "/v1/catalogues/proposals", {"content": faulty}) == (422, "request-invalid")
    past = {"content": made(), "effective_from": "2026-01-02"}
    assert await refused(hub.operator, "/v1/catalogues/proposals", past) == (422, "effective-date-past")
    version = (await hub.operator.get("/v1/catalogues")).json()["catalogues"][0]["version"]
    again = {"content": made(version=version)}
    assert await refused(hub.operator, "/v1/catalogues/proposals", again) == (409, "conflict")


async def test_only_operators_propose_and_decide(hub: Hub) -> None:
    await consulted(hub)
    await hub.agency()
    for role in ("auditor", "agency"):
        client = await another(hub, roles=[role], **({"agency": "mnr-130822"} if role == "agency" else {}))
        assert (await client.get(PATH)).status == 200
        for step in ("consult", "approve", "reject"):
            assert await refused(client, f"{PATH}/{step}", {}) == (403, "role-missing")
        assert await refused(client, "/v1/catalogues/proposals", {}) == (403, "role-missing")


async def test_in_production_a_later_version_is_not_loaded_directly(hub: Hub) -> None:
    hub.parts.settings = replace(hub.settings, mode="production")
    assert await refused(hub.operator, "/v1/catalogues", {"content": made()}) == (409, "catalogue-needs-approval")
    hub.parts.settings = replace(hub.settings, mode="development")
    assert (await hub.operator.post("/v1/catalogues", {"content": made()})).status == 201


@pytest.mark.requirement("R024", "R096")
async def test_a_local_row_needs_a_local_regulation_and_its_version_never_judges_the_nation(hub: Hub) -> None:
    changed = content()
    local = {part: [] for part, rows in changed.items() if isinstance(rows, list)} | {"calendar": changed["calendar"]}
    day = today().isoformat()
    local["manifest"] = changed["manifest"] | {"version": VERSION, "layer": "local", "division": "130000"}
    local["manifest"]["effective_from"] = day
    local["measures"] = [{**row(changed, "measures", "P64-27"), "id": "HB-01"}]
    answer = await hub.operator.post("/v1/catalogues", {"content": local})
    assert {fault["value"] for fault in answer.json()["errors"]} == {"local-without-regulation"}
    regulation = {**row(changed, "documents", "中办发[2016]64号"), "id": "某省信用条例", "rank": "local-regulation"}
    local["documents"] = [regulation]
    local["measures"][0]["citation"] = {
        "document": "某省信用条例",
        "clause": "第三十条",
        "quote_zh": "可以依法采取措施",
    }
    answer = await hub.operator.post("/v1/catalogues", {"content": local})
    assert answer.status == 201, answer.text
    assert hub.parts.standing.in_force().version == "2026-illustrative.2"


async def test_a_preview_can_be_asked_for_as_soon_as_a_version_is_proposed(hub: Hub) -> None:
    await proposed(hub)
    told = (await hub.operator.get(f"/v1/catalogues/{VERSION}/preview")).json()
    assert (told["reaches"], told["compared_with"]) == ("new", "2026-illustrative.2")
    assert (told["ends"]["total"], told["makes"]["total"], told["makes"]["hypothetical"]) == (0, 0, True)
    assert (await hub.operator.get("/v1/catalogues/2099-none.1/preview")).status == 404
    listed = await hub.operator.get(f"/v1/catalogues/{VERSION}/preview", format="csv")
    assert listed.text.startswith("\ufeffwhat,organisation_code,record,item,measure,department,agency")
