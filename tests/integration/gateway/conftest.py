"""Understands the gateway on a database of its own and the real broker, spoken to without a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from credithub.db.engine import make_engine
from credithub.kafka.admin import ensure_hub_topics
from credithub.kafka.producer import Producer
from credithub.service import Health
from credithub.settings import Settings
from credithub.vault import Vault, create_secrets
from services.gateway.bootstrap import bootstrap
from services.gateway.parts import Parts, Stores
from services.gateway.store.database import Database as Store
from services.gateway.wiring import application, assemble
from tests.harness.asgi import Client
from tests.harness.ground import Database


@dataclass(slots=True)
class Hub:
    """The application over real stores, with the bootstrap's operator."""

    database: Database
    settings: Settings
    parts: Parts
    client: Client
    operator: Client

    async def agency(self, id_: str = "mnr-130822", **changed: Any) -> dict[str, Any]:
        body = {"id": id_, "name_zh": f"{id_}（演示）", "name_en": id_, "demo": True, **changed}
        answer = await self.operator.post("/v1/agencies", body)
        assert answer.status == 201, answer.text
        return answer.json()

    async def supplier(self, agency: str, items: list[str], sources: list[str]) -> Client:
        body = {"roles": ["supplier"], "agency": agency, "items": items, "sources": sources}
        answer = await self.operator.post("/v1/keys", body)
        assert answer.status == 201, answer.text
        return self.client.with_key(answer.json()["secret"])

    async def write(self, sql: str, *values: object) -> None:
        """As the owner, in the place of the service whose table it is."""
        connection = await asyncpg.connect(self.database.url("owner").replace("+asyncpg", ""))
        try:
            await connection.execute(sql, *values)
        finally:
            await connection.close()


@pytest.fixture
async def hub(database: Database, tmp_path: Path) -> AsyncIterator[Hub]:
    create_secrets(tmp_path / "secrets")
    settings = database.settings("gateway", secrets_dir=str(tmp_path / "secrets"), spool_dir=str(tmp_path))
    await ensure_hub_topics(database.infra.admin_settings())
    secret = await bootstrap(settings)
    assert secret is not None
    store, producer = Store(make_engine(settings, "gateway")), Producer(settings, "gateway")
    health = Health("gateway", ready=True)
    parts = assemble(settings, Vault.open(settings.secrets_dir), Stores.over(store), producer, health)
    await parts.line.run_once()
    await parts.refresh()
    client = Client(application(parts))
    yield Hub(database, settings, parts, client, client.with_key(secret))
    parts.sheets.close()
    await producer.stop()
    await store.close()
