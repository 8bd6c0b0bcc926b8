"""Understands catalogue versions and feed mappings as they are kept: only ever added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from credithub.db.engine import AsyncConnection, text
from services.gateway.store.acts import Actor, acting, write_audit
from services.gateway.store.database import Database, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCatalogue:
    """A checked version about to be loaded."""

    version: str
    effective_from: date
    illustrative: bool
    content: Mapping[str, Any]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMapping:
    """One version of how a feed's columns are read."""

    feed: str
    version: str
    content: Mapping[str, Any]
    digest: str


class Catalogues:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def in_force(self, on: date) -> Row | None:
        """The version that judges what comes in on this date."""
        return await self._database.row(
            "SELECT version, effective_from, illustrative, content FROM gateway.catalogues"
            " WHERE layer = 'national' AND effective_from <= :on ORDER BY effective_from DESC, loaded_at DESC LIMIT 1",
            on=on,
        )

    async def version_in_force(self, on: date) -> str | None:
        found = await self._database.row(
            "SELECT version FROM gateway.catalogues WHERE layer = 'national' AND effective_from <= :on"
            " ORDER BY effective_from DESC, loaded_at DESC LIMIT 1",
            on=on,
        )
        return None if found is None else str(found["version"])

    async def all(self) -> Sequence[Row]:
        return await self._database.rows(
            "SELECT version, effective_from, illustrative, digest, loaded_at, loaded_by, layer, division, reaches"
            " FROM gateway.catalogues ORDER BY effective_from, loaded_at"
        )

    async def contents(self, known: Sequence[str]) -> Sequence[Row]:
        """Every version but those that the caller knows already, in the order in which they were loaded."""
        return await self._database.rows(
            "SELECT version, effective_from, content FROM gateway.catalogues"
            " WHERE NOT (version = ANY (CAST(:known AS text[]))) ORDER BY loaded_at, version",
            known=list(known),
        )

    async def sweep(self, version: str) -> Row | None:
        """How far the matcher has come in bringing it into force."""
        return await self._database.row(
            "SELECT turned_on, ended, made, started_at, done_at FROM matcher.catalogue_sweeps_v"
            " WHERE version = :version ORDER BY turned_on LIMIT 1",
            version=version,
        )

    async def find(self, version: str) -> Row | None:
        return await self._database.row(
            "SELECT version, effective_from, illustrative, digest, loaded_at, loaded_by, content"
            " FROM gateway.catalogues WHERE version = :version",
            version=version,
        )

    async def add(self, catalogue: NewCatalogue, actor: Actor) -> None:
        """One transaction; raises Taken when the version exists."""
        async with acting(self._database) as connection:
            await insert_catalogue(connection, catalogue, actor)

    async def keep_mappings(self, mappings: Sequence[NewMapping], actor: Actor) -> None:
        """Keeps those not yet kept, so that what judged a row can be read later."""
        async with acting(self._database) as connection:
            for mapping in mappings:
                kept = await connection.execute(
                    text(
                        "INSERT INTO gateway.mappings (feed, version, content, digest, loaded_by) VALUES (:feed,"
                        " :version, CAST(:content AS jsonb), :digest, :by) ON CONFLICT DO NOTHING RETURNING version"
                    ),
                    {
                        "feed": mapping.feed,
                        "version": mapping.version,
                        "content": orjson.dumps(mapping.content).decode(),
                        "digest": mapping.digest,
                        "by": actor.key,
                    },
                )
                if kept.first() is not None:
                    target = f"{mapping.feed}/{mapping.version}"
                    await write_audit(connection, actor, "mapping.kept", target, {"digest": mapping.digest})


async def insert_catalogue(connection: AsyncConnection, catalogue: NewCatalogue, actor: Actor) -> None:
    """Within an act: the version is in the registry from now on, and never changes."""
    await connection.execute(
        text(
            "INSERT INTO gateway.catalogues (version, effective_from, illustrative, content, digest, loaded_by)"
            " VALUES (:version, :effective_from, :illustrative, CAST(:content AS jsonb), :digest, :loaded_by)"
        ),
        {
            "version": catalogue.version,
            "effective_from": catalogue.effective_from,
            "illustrative": catalogue.illustrative,
            "content": orjson.dumps(catalogue.content).decode(),
            "digest": catalogue.digest,
            "loaded_by": actor.key,
        },
    )
    detail = {"effective_from": catalogue.effective_from.isoformat(), "digest": catalogue.digest}
    await write_audit(connection, actor, "catalogue.loaded", catalogue.version, detail)
