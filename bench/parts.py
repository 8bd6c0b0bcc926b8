"""Understands Kafka and PostgreSQL without the services: where one step is measured alone."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from credithub.db.migrate import upgrade
from credithub.domain.catalogue import Catalogue, load
from credithub.embedded.infra import Infra
from credithub.kafka.admin import KafkaAdmin, ensure_hub_topics
from credithub.settings import Settings
from credithub.topics import EVENTS, Topic
from credithub.vault import create_secrets

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / ".credithub" / "bench-parts"
BARE = replace(EVENTS, name="credit.bench.bare")  # the floors' topics: settings and partitions as the hub's own
BARE_OUT = replace(EVENTS, name="credit.bench.out")


@dataclass(frozen=True, slots=True)
class Parts:
    infra: Infra
    catalogue: Catalogue

    def settings(self, service: str, **changed: Any) -> Settings:
        """As the service of that name is told."""
        return replace(
            self.infra.admin_settings(),
            database_url=self.infra.postgres.url(f"credithub_{service}"),
            kafka_user=f"credithub-{service}",
            kafka_password=self.infra.passwords[f"credithub-{service}"],
            **changed,
        )


def bench_catalogue() -> Catalogue:
    """Licences call upon nobody; a penalty calls upon four."""
    return load(ROOT / "bench" / "catalogue")


@contextmanager
def parts() -> Generator[Parts]:
    """Fresh ones, with the bench's catalogue in the registry and the floors' topics made."""
    shutil.rmtree(DATA, ignore_errors=True)
    infra = Infra(DATA)
    create_secrets(DATA / "secrets")
    infra.up()
    try:
        made = Parts(infra, bench_catalogue())
        asyncio.run(_furnish(made))
        yield made
    finally:
        infra.down()
        shutil.rmtree(DATA, ignore_errors=True)


async def _furnish(made: Parts) -> None:
    await upgrade(made.infra.postgres.url("credithub_owner"))
    settings = made.infra.admin_settings()
    await ensure_hub_topics(settings)
    await bare_topics(settings)
    connection = await asyncpg.connect(made.infra.postgres.url("credithub_admin").replace("+asyncpg", ""))
    catalogue = made.catalogue
    await connection.execute(
        "INSERT INTO gateway.catalogues (version, effective_from, illustrative, content, digest, loaded_by)"
        " VALUES ($1, $2, true, $3, $4, 'bench')",
        catalogue.version, catalogue.effective_from, orjson.dumps(catalogue.to_json()).decode(), catalogue.digest,
    )  # fmt: skip
    await connection.close()


async def bare_topics(settings: Settings) -> tuple[Topic, Topic]:
    await KafkaAdmin(settings).make_topics([BARE, BARE_OUT])
    return BARE, BARE_OUT
