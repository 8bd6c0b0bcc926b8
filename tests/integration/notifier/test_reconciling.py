"""Topics, users and rights on a real broker, and an agency's client that stands outside."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, KafkaException

from credithub.kafka.admin import KafkaAdmin, Right
from credithub.settings import Settings
from credithub.topics import agency_topics
from credithub.vault import Vault, create_secrets
from services.notifier.reconcile import Reconciler, rights_of
from tests.harness.eventually import eventually
from tests.integration.notifier.agency import AgencyClient
from tests.integration.notifier.conftest import Room, admin_settings

REFUSED = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)


class Keeper:
    """The reconciler with what it needs, and accounts made as the gateway makes them."""

    def __init__(self, room: Room, folder: Path) -> None:
        create_secrets(folder)
        self.room, self.vault = room, Vault.open(folder)
        self.settings: Settings = admin_settings(room.database)
        self.admin = KafkaAdmin(self.settings)
        self.reconciler = Reconciler(room.engine, self.admin, self.vault)
        self.agencies: list[str] = []

    async def account(self, agency: str, password: str) -> None:
        await self.room.register(agency, "kafka")
        self.agencies.append(agency)
        await self.room.database.rows(
            "INSERT INTO gateway.kafka_accounts (agency, username, iterations, salt, sealed_password)"
            " VALUES ($1, $1, 4096, $2, $3) ON CONFLICT (agency) DO UPDATE SET salt = excluded.salt,"
            " sealed_password = excluded.sealed_password",
            agency,
            secrets.token_bytes(16),
            self.vault.encrypt(password.encode(), f"kafka-account:{agency}".encode()),
        )

    async def revoke(self, agency: str) -> None:
        await self.room.database.rows(
            "UPDATE gateway.kafka_accounts SET enabled = false, revoked_at = now() WHERE agency = $1", agency
        )

    async def rights(self, agency: str) -> set[Right]:
        return {right for right in await self.admin.rights() if right.user == agency}

    async def drift(self) -> list[object]:
        return [row["found"] for row in await self.room.database.rows("SELECT found FROM notifier.drift_v")]

    async def clean(self) -> None:
        await self.admin.withdraw(self.agencies)
        await self.admin.drop_users(self.agencies)


@pytest.fixture
async def keeper(room: Room, tmp_path: Path) -> AsyncIterator[Keeper]:
    one = Keeper(room, tmp_path)
    yield one
    await one.clean()


async def test_an_agency_gets_its_topics_its_user_and_exactly_its_rights(keeper: Keeper, agency: str) -> None:
    await keeper.account(agency, "one-secret")
    assert await keeper.reconciler.run_once() > 0
    assert {topic.name for topic in agency_topics(agency)} <= await keeper.admin.topics()
    assert agency in await keeper.admin.users()
    assert await keeper.rights(agency) == rights_of(agency, agency)
    assert await keeper.drift() == []


async def test_it_can_log_in_and_read_and_write_what_is_its_own_and_nothing_else(keeper: Keeper, agency: str) -> None:
    other = f"o{agency}"
    await keeper.account(agency, "one-secret")
    await keeper.account(other, "other-secret")
    await keeper.reconciler.run_once()
    mine, theirs = agency_topics(agency), agency_topics(other)
    client = AgencyClient(keeper.room.database, agency, "one-secret")
    assert {name for name in await client.sees() if name.startswith("credit.")} == {topic.name for topic in mine}
    assert await client.write(mine[2].name, b"{}") is None
    for topic in (mine[0], mine[1], *theirs):
        refused = await client.write(topic.name, b"{}")
        assert refused is not None, topic.name
    client.open(mine[0].name, theirs[0].name, group=f"{agency}.reader")
    await eventually(lambda: _refusal(client), within=10)
    client.close()
    stranger = AgencyClient(keeper.room.database, agency, "one-secret")
    stranger.open(mine[0].name, group="somebody-elses")
    await eventually(lambda: _refusal(stranger), within=10)
    stranger.close()


async def _refusal(client: AgencyClient) -> bool:
    message = await client.read()
    error = message.error() if message is not None else None
    return error is not None and error.code() in REFUSED


async def test_a_wrong_password_is_refused_and_a_new_one_replaces_the_old(keeper: Keeper, agency: str) -> None:
    await keeper.account(agency, "one-secret")
    await keeper.reconciler.run_once()
    with pytest.raises(KafkaException):
        await AgencyClient(keeper.room.database, agency, "guessed").sees()
    await keeper.account(agency, "another-secret")
    assert await keeper.reconciler.run_once() == 1
    assert await AgencyClient(keeper.room.database, agency, "another-secret").sees()
    with pytest.raises(KafkaException):
        await AgencyClient(keeper.room.database, agency, "one-secret").sees()


async def test_nothing_changed_costs_no_look_at_kafka(keeper: Keeper, agency: str) -> None:
    await keeper.account(agency, "one-secret")
    await keeper.reconciler.run_once()
    await keeper.admin.withdraw([agency])
    assert await keeper.reconciler.run_once() == 0
    fresh = Reconciler(keeper.room.engine, keeper.admin, keeper.vault)  # as a minute later, or after a restart
    assert await fresh.run_once() == len(rights_of(agency, agency))
    assert await keeper.rights(agency) == rights_of(agency, agency)


async def test_rights_that_nobody_gave_are_taken_away(keeper: Keeper, agency: str) -> None:
    await keeper.account(agency, "one-secret")
    await keeper.reconciler.run_once()
    await keeper.admin.grant([Right(user=agency, kind="topic", name="credit.events", operation="READ")])
    fresh = Reconciler(keeper.room.engine, keeper.admin, keeper.vault)
    assert await fresh.run_once() == 1
    assert await keeper.rights(agency) == rights_of(agency, agency)


async def test_an_account_sealed_with_other_secrets_is_shown_and_holds_nobody_up(
    keeper: Keeper, agency: str, tmp_path: Path
) -> None:
    await keeper.account(agency, "one-secret")
    other = f"o{agency}"
    await keeper.account(other, "x")
    await keeper.room.database.rows(
        "UPDATE gateway.kafka_accounts SET sealed_password = $2 WHERE agency = $1", other, b"\1" * 60
    )
    await keeper.reconciler.run_once()
    assert agency in await keeper.admin.users()
    assert await keeper.drift() == ["its password was sealed with other secrets"]


@pytest.mark.timeout(150)
async def test_a_revoked_agency_reads_nothing_more_at_once_and_is_out_within_a_minute(
    keeper: Keeper, agency: str
) -> None:
    """Tested on an open consumer (interleavings 18)."""
    await keeper.account(agency, "one-secret")
    await keeper.reconciler.run_once()
    client = AgencyClient(keeper.room.database, agency, "one-secret")
    client.open(agency_topics(agency)[0].name, group=f"{agency}.reader")
    assert (await client.sees()) >= {agency_topics(agency)[0].name}
    await client.read(2.0)
    await keeper.revoke(agency)
    await keeper.reconciler.run_once()
    assert await keeper.rights(agency) == set()
    assert agency not in await keeper.admin.users()
    await eventually(lambda: _refusal(client), within=15, why="its open connection is refused at once")
    with pytest.raises(KafkaException):
        await AgencyClient(keeper.room.database, agency, "one-secret").sees()

    async def out() -> bool:
        await client.read(0.5)
        return KafkaError._AUTHENTICATION in client.errors

    await eventually(out, within=60, why="its open connection ends at the next re-authentication")
    client.close()
