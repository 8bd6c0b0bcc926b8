"""Understands how a catalogue version is proposed, consulted and approved: each step in one transaction with its audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import orjson

from credithub.db.engine import AsyncConnection, text
from credithub.db.values import as_json
from services.gateway.store.acts import Actor, acting, write_audit
from services.gateway.store.catalogues import NewCatalogue, insert_catalogue
from services.gateway.store.database import Database, Row

COLUMNS = (
    "version, state, effective_from, illustrative, digest, compared_with, changes_criteria, proposed_by, proposed_on,"
    " proposed_at, remarks, consult_from, consult_to, approved_by, approved_at"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProposal:
    """A checked version about to be proposed."""

    catalogue: NewCatalogue
    compared_with: str | None
    changes_criteria: bool
    on: date
    remarks: str


class Proposals:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Sequence[Row]:
        """Newest first, without their content."""
        return await self._database.rows(
            f"SELECT {COLUMNS} FROM gateway.catalogue_proposals ORDER BY proposed_at DESC LIMIT 1000"
        )

    async def find(self, version: str) -> Row | None:
        return await self._database.row(
            f"SELECT {COLUMNS}, content FROM gateway.catalogue_proposals WHERE version = :version", version=version
        )

    async def steps(self, version: str) -> Sequence[Row]:
        rows = await self._database.rows(
            "SELECT step, at, actor, reason, detail, request FROM gateway.catalogue_steps"
            " WHERE version = :version ORDER BY n",
            version=version,
        )
        return [{**row, "detail": as_json(row["detail"])} for row in rows]

    async def same_hand(self, one: str, other: str) -> bool:
        """Whether two keys are one person's: the same key, or one rotated into the other."""
        row = await self._database.row(
            "SELECT gateway.hand_of(:one) = gateway.hand_of(:other) AS same", one=one, other=other
        )
        return row is not None and bool(row["same"])

    async def propose(self, new: NewProposal, actor: Actor) -> None:
        """Raises Taken when the version was proposed or loaded before."""
        catalogue = new.catalogue
        async with acting(self._database) as connection:
            await connection.execute(
                text(
                    "INSERT INTO gateway.catalogue_proposals (version, effective_from, illustrative, content, digest,"
                    " compared_with, changes_criteria, proposed_by, proposed_on, remarks) VALUES (:version,"
                    " :effective_from, :illustrative, CAST(:content AS jsonb), :digest, :compared_with,"
                    " :changes_criteria, :by, :on, :remarks)"
                ),
                {
                    "version": catalogue.version,
                    "effective_from": catalogue.effective_from,
                    "illustrative": catalogue.illustrative,
                    "content": orjson.dumps(catalogue.content).decode(),
                    "digest": catalogue.digest,
                    "compared_with": new.compared_with,
                    "changes_criteria": new.changes_criteria,
                    "by": actor.key,
                    "on": new.on,
                    "remarks": new.remarks,
                },
            )
            detail = {"effective_from": catalogue.effective_from.isoformat(), "digest": catalogue.digest}
            await _step(connection, actor, catalogue.version, "proposed", new.remarks, detail)

    async def consult(self, version: str, first: date, last: date, reason: str, actor: Actor) -> bool:
        """Public comment from the first day to the last. False: it is in no state for that."""
        return await self._move(
            "SET state = 'consulted', consult_from = :first, consult_to = :last"
            " WHERE version = :version AND state IN ('proposed', 'consulted')",
            {"first": first, "last": last},
            (version, "consulted", reason, {"from": first.isoformat(), "to": last.isoformat()}),
            actor,
        )

    async def end(self, version: str, state: str, reason: str, actor: Actor) -> bool:
        """Rejected, or withdrawn by its proposer."""
        return await self._move(
            "SET state = :state WHERE version = :version AND state IN ('proposed', 'consulted')",
            {"state": state},
            (version, state, reason, {}),
            actor,
        )

    async def approve(self, catalogue: NewCatalogue, reason: str, actor: Actor) -> bool:
        """Approved, and by that in the registry, in one transaction; the database proves the four eyes once more."""
        async with acting(self._database) as connection:
            moved = await connection.execute(
                text(
                    "UPDATE gateway.catalogue_proposals SET state = 'approved', approved_by = :by, approved_at = now()"
                    " WHERE version = :version AND state = 'consulted' RETURNING version"
                ),
                {"by": actor.key, "version": catalogue.version},
            )
            if moved.first() is None:
                return False
            await insert_catalogue(connection, catalogue, actor)
            detail = {"effective_from": catalogue.effective_from.isoformat(), "digest": catalogue.digest}
            await _step(connection, actor, catalogue.version, "approved", reason, detail)
            return True

    async def _move(
        self, change: str, values: dict[str, object], step: tuple[str, str, str, object], actor: Actor
    ) -> bool:
        version, name, reason, detail = step
        async with acting(self._database) as connection:
            moved = await connection.execute(
                text(f"UPDATE gateway.catalogue_proposals {change} RETURNING version"), {"version": version, **values}
            )
            if moved.first() is None:
                return False
            await _step(connection, actor, version, name, reason, detail)
            return True


async def _step(
    connection: AsyncConnection, actor: Actor, version: str, step: str, reason: str, detail: object
) -> None:
    await connection.execute(
        text(
            "INSERT INTO gateway.catalogue_steps (version, step, actor, reason, detail, request)"
            " VALUES (:version, :step, :actor, :reason, CAST(:detail AS jsonb), :request)"
        ),
        {
            "version": version,
            "step": step,
            "actor": actor.key,
            "reason": reason,
            "detail": orjson.dumps(detail).decode(),
            "request": actor.request,
        },
    )
    await write_audit(connection, actor, f"catalogue.{step}", version, {"reason": reason, "detail": detail})
