"""Understands what operators may put into the registry, and what is told once only."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.gateway.desk import STRUCTURED, Desk, penalty

AGENCY = {"id": "mnr-130822", "name_zh": "甲局（演示）", "name_en": "Bureau A (demo)"}
SUPPLIER = {"roles": ["supplier"], "agency": "mnr-130822", "items": ["licence"], "sources": ["//mnr-130822/a"]}


async def test_an_agency_that_takes_no_kafka_gets_no_account(hub: Desk) -> None:
    told = await hub.operator().post("/v1/agencies", AGENCY | {"channels": ["pull"]})
    assert told.status == 201
    assert "kafka" not in told.json()
    agencies: Any = hub.parts.stores.agencies
    assert agencies.accounts == {"mnr-130822": None}


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"id": "nobody-130822"}, "department"),
        ({"department": "mof"}, "department"),
        ({"division": "130800"}, "division"),
        ({"superior": "mnr-130800"}, "superior"),
        ({"id": "MNR-130822"}, "id"),
        ({"channels": ["fax"]}, "channels.0"),
        ({"valid_to": "2026-01-01"}, None),
        ({"demo": "yes"}, "demo"),
        ({"name_zh": "张三11010519491231002X"}, "name_zh"),
    ],
)
async def test_an_agency_that_cannot_be(hub: Desk, changed: dict[str, Any], field: str | None) -> None:
    told = await hub.operator().post("/v1/agencies", AGENCY | changed)
    assert told.status == 422, told.text
    assert [fault.get("field") for fault in told.json()["errors"]] == [field]


async def test_an_agency_is_brought_in_once(hub: Desk) -> None:
    operator = hub.operator()
    assert (await operator.post("/v1/agencies", AGENCY)).status == 201
    again = await operator.post("/v1/agencies", AGENCY)
    assert (again.status, again.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"agency": "mof-130822"}, "enumeration-unknown"),
        ({"agency": None}, "required-missing"),
        ({"items": []}, "required-missing"),
        ({"sources": []}, "required-missing"),
        ({"items": ["judgment-debtor"]}, "owner-not-allowed"),
        ({"items": ["salary"]}, "item-not-in-catalogue"),
        ({"roles": []}, "form-wrong"),
        ({"roles": ["god"]}, "enumeration-unknown"),
        ({"roles": ["agency"]}, "field-unknown"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "date-implausible"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "date-implausible"),
        ({"sources": ["//x/11010519491231002X"]}, "person-number-in-field"),
        ({"hash": "0" * 64}, "field-unknown"),
    ],
)
async def test_a_key_that_cannot_be(hub: Desk, changed: dict[str, Any], code: str) -> None:
    operator = hub.operator()
    await operator.post("/v1/agencies", AGENCY)
    told = await operator.post("/v1/keys", SUPPLIER | changed)
    assert told.status == 422, told.text
    assert code in {fault["code"] for fault in told.json()["errors"]}


async def test_a_new_key_works_at_once_and_a_disabled_one_no_more(hub: Desk) -> None:
    operator = hub.operator()
    await operator.post("/v1/agencies", AGENCY)
    made = (await operator.post("/v1/keys", SUPPLIER)).json()
    supplier = hub.client.with_key(made["secret"])
    event = penalty(type="credithub.licence.granted.v1", source="//mnr-130822/a")
    assert (await supplier.post("/v1/events", event, headers=STRUCTURED)).status == 202
    listed = await operator.get("/v1/keys")
    assert made["secret"] not in listed.text
    assert "hash" not in listed.text
    await operator.post(f"/v1/keys/{made['id']}/disable", {})
    assert (await supplier.post("/v1/events", event, headers=STRUCTURED)).status == 401


@pytest.mark.parametrize("role", ["supplier", "agency", "auditor"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/agencies"), ("DELETE", "/v1/agencies/x"), ("POST", "/v1/keys"), ("POST", "/v1/keys/x/rotate"),
        ("POST", "/v1/keys/x/disable"), ("POST", "/v1/catalogues"),
    ],
)  # fmt: skip
async def test_acts_of_administration_are_operators_alone(hub: Desk, role: str, method: str, path: str) -> None:
    client = hub.client.with_key(hub.key(roles=[role]))
    answer = await client.request(method, path, headers={"content-type": "application/json"}, body=b"{}")
    assert (answer.status, answer.json()["code"]) == (403, "role-missing")


async def test_auditors_read_what_operators_do(hub: Desk) -> None:
    auditor = hub.client.with_key(hub.key(roles=["auditor"], agency=None))
    for path in ("/v1/agencies", "/v1/keys", "/v1/audit", "/v1/obligations", "/v1/submissions"):
        assert (await auditor.get(path)).status == 200
    for path in ("/v1/agencies", "/v1/keys", "/v1/audit"):
        assert (await hub.supplier().get(path)).status == 403
