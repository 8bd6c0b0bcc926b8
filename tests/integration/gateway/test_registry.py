"""Understands agencies, keys and catalogues as the operators' API keeps them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

import pytest
from sqlalchemy.exc import ProgrammingError

from credithub.db.engine import make_engine, text
from services.gateway.bootstrap import bootstrap
from tests.harness.ground import Database, Databases
from tests.integration.gateway.conftest import Hub


async def test_the_first_key_is_made_once_and_the_shipped_catalogue_is_in_force(hub: Hub) -> None:
    assert await bootstrap(hub.settings) is None
    [catalogue] = (await hub.operator.get("/v1/catalogues")).json()["catalogues"]
    assert catalogue["in_force"] is True
    assert catalogue["illustrative"] is True


@pytest.fixture
def older(databases: Databases) -> Generator[Database]:
    """The database of an older program, into which no catalogue has been loaded yet."""
    fresh = databases.fresh()
    yield fresh
    databases.back(fresh.name)


@pytest.mark.parametrize(("illustrative", "versions"), [(True, 2), (False, 1)])
async def test_a_newer_shipped_catalogue_joins_older_shipped_ones_and_never_an_operators_own(
    hub: Hub, older: Database, illustrative: bool, versions: int
) -> None:
    (shipped,) = await hub.database.rows("SELECT content::text AS content, digest FROM gateway.catalogues")
    await older.rows(
        "INSERT INTO gateway.catalogues (version, effective_from, illustrative, content, digest, loaded_by)"
        " VALUES ('older', '2025-01-01', $1, $2::jsonb, $3, 'bootstrap')",
        illustrative, str(shipped["content"]), str(shipped["digest"]),
    )  # fmt: skip
    await bootstrap(replace(hub.settings, database_url=older.url("gateway")))
    assert len(await older.rows("SELECT version FROM gateway.catalogues")) == versions


async def test_an_agency_is_told_its_key_and_password_once_and_neither_is_kept(hub: Hub) -> None:
    told = await hub.agency()
    secret, password = told["key"]["secret"], told["kafka"]["password"]

    assert told["kafka"]["topics"][0] == "credit.agency.mnr-130822"
    [account] = await hub.database.rows("SELECT * FROM gateway.kafka_accounts_v")
    sealed = bytes(account["sealed_password"])  # type: ignore[call-overload]
    assert hub.parts.vault.decrypt(sealed, b"kafka-account:mnr-130822") == password.encode()
    everything = str(await hub.database.rows("SELECT * FROM gateway.keys")) + str(account)
    assert secret not in everything
    assert password not in everything
    assert (await hub.client.with_key(secret).get("/v1/obligations")).status == 200


async def test_an_ended_agency_s_keys_and_account_stop_at_once(hub: Hub) -> None:
    key = (await hub.agency())["key"]["secret"]
    assert (await hub.operator.delete("/v1/agencies/mnr-130822")).status == 200
    assert (await hub.client.with_key(key).get("/v1/obligations")).status == 401
    [account] = await hub.database.rows("SELECT enabled, revoked_at FROM gateway.kafka_accounts_v")
    assert account["enabled"] is False
    assert account["revoked_at"] is not None
    assert (await hub.operator.delete("/v1/agencies/mnr-130822")).status == 404


@pytest.mark.requirement("R248")
async def test_a_rotated_key_overlaps_with_the_old_one(hub: Hub) -> None:
    key = (await hub.agency())["key"]
    rotated = (await hub.operator.post(f"/v1/keys/{key['id']}/rotate", {"overlap_hours": 1})).json()
    for secret in (key["secret"], rotated["secret"]):
        assert (await hub.client.with_key(secret).get("/v1/obligations")).status == 200
    again = await hub.operator.post(f"/v1/keys/{key['id']}/rotate", body=b"", headers={"content-length": "0"})
    assert again.status == 409
    at_once = (await hub.operator.post(f"/v1/keys/{rotated['id']}/rotate", {"overlap_hours": 0})).json()
    assert (await hub.client.with_key(rotated["secret"]).get("/v1/obligations")).status == 401
    assert (await hub.client.with_key(at_once["secret"]).get("/v1/obligations")).status == 200


@pytest.mark.requirement("R037")
async def test_a_source_belongs_to_one_agency(hub: Hub) -> None:
    await hub.agency("samr-130822")
    await hub.agency("mem-130822")
    await hub.supplier("samr-130822", ["penalty"], ["//shared"])
    taken = await hub.operator.post(
        "/v1/keys", {"roles": ["supplier"], "agency": "mem-130822", "items": ["penalty"], "sources": ["//shared"]}
    )
    assert (taken.status, taken.json()["code"]) == (409, "conflict")
    assert len(await hub.database.rows("SELECT 1 FROM gateway.keys WHERE agency = 'mem-130822'")) == 1


@pytest.mark.requirement("R245")
async def test_every_act_is_audited_with_who_and_in_which_request(hub: Hub) -> None:
    key = (await hub.agency())["key"]["id"]
    disabled = await hub.operator.post(f"/v1/keys/{key}/disable", {})
    acts = (await hub.operator.get("/v1/audit")).json()["acts"]
    assert [act["action"] for act in acts] == ["key.disabled", "agency.added", "key.added", "catalogue.loaded"]
    assert acts[0] | {"target": key, "request": disabled.headers["x-request-id"]} == acts[0]
    page = (await hub.operator.get("/v1/audit", limit=3)).json()
    rest = (await hub.operator.get("/v1/audit", limit=3, after=page["next"])).json()
    assert [act["id"] for act in page["acts"] + rest["acts"]] == [act["id"] for act in acts]


@pytest.mark.requirement("R239")
async def test_the_service_s_role_cannot_rewrite_the_audit_nor_read_a_password(hub: Hub) -> None:
    engine = make_engine(hub.settings, "test")
    for statement in (
        "UPDATE gateway.audit SET actor = 'x'",
        "DELETE FROM gateway.audit",
        "SELECT sealed_password FROM gateway.kafka_accounts",
        "DELETE FROM gateway.keys",
        "UPDATE gateway.catalogues SET version = 'x'",
    ):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with engine.begin() as connection:
                await connection.execute(text(statement))
    await engine.dispose()


async def test_a_catalogue_is_checked_whole_and_a_version_never_replaced(hub: Hub) -> None:
    version = (await hub.operator.get("/v1/catalogues")).json()["catalogues"][0]["version"]
    content = (await hub.operator.get(f"/v1/catalogues/{version}")).json()["content"]
    same = await hub.operator.post("/v1/catalogues", {"content": content})
    assert (same.status, same.json()["code"]) == (409, "conflict")
    content["manifest"]["version"] = "2026-illustrative.9"
    content["items"][0]["owners"] = ["nobody"]
    faulty = await hub.operator.post("/v1/catalogues", {"content": content})
    assert faulty.status == 422
    assert any("items.json" in fault["field"] for fault in faulty.json()["errors"])
    content["items"][0]["owners"] = ["samr"]
    loaded = await hub.operator.post("/v1/catalogues", {"content": content, "effective_from": "2026-11-01"})
    assert loaded.status == 201, loaded.text
    assert hub.parts.standing.in_force().version == "2026-illustrative.9"
