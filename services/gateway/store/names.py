"""Understands names that wait for a person: which they are, and which subjects have the same name or a like one."""

from __future__ import annotations

from collections.abc import Sequence

from credithub.db.engine import text
from credithub.domain.candidates import likeness, pairs_of, windows_of
from credithub.domain.text import fold_name
from services.gateway.store.database import Database, Row

AT_ONCE = 2_000  # subjects whose names are taken up in one go
LOOKED_AT = 200  # subjects with a part of the name, of which the likest are shown
SHOWN = 8  # candidates of one name: a person looks at them
LEAST_ALIKE = 0.4  # of the pairs of neighbouring characters, those in both
SUBJECT = "s.organisation_code, s.unified_code, s.name, s.kind, s.seat, s.status, s.registered"


class Names:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def waiting(self, *, after: str, limit: int) -> Sequence[Row]:
        """Entries that wait under a name alone, by source and id."""
        place = "w.source || '|' || w.id"
        return await self._database.rows(
            "SELECT w.source, w.id, w.since, w.folded, w.name, w.kind, w.document, w.identifiers, w.item, w.supplier,"
            f" a.division, w.submission, w.index, w.row, w.received_at, {place} AS place FROM hub.name_waiting_v w"
            f" LEFT JOIN gateway.agencies a ON a.id = w.supplier WHERE {place} > :after ORDER BY place LIMIT :limit",
            after=after,
            limit=limit,
        )

    async def waits(self, source: str, id_: str) -> Row | None:
        return await self._database.row(
            "SELECT source, id, name FROM hub.name_waiting_v WHERE source = :source AND id = :id", source=source, id=id_
        )

    async def take_up(self) -> int:
        """Takes up names not looked through yet, or changed since, while any entry waits for one. Says how many."""
        if await self._database.row("SELECT 1 AS one FROM hub.name_waiting_v LIMIT 1") is None:
            return 0
        fresh = await self._database.rows(
            "SELECT s.organisation_code, s.name FROM matcher.subjects_v s"
            " LEFT JOIN gateway.names n ON n.organisation_code = s.organisation_code"
            " WHERE s.name IS NOT NULL AND n.name IS DISTINCT FROM s.name LIMIT :most",
            most=AT_ONCE,
        )
        if fresh:
            await self._keep(sorted((str(row["organisation_code"]), str(row["name"])) for row in fresh))
        return len(fresh)

    async def _keep(self, names: Sequence[tuple[str, str]]) -> None:
        async with self._database.writing() as connection:
            await connection.execute(
                text(
                    "INSERT INTO gateway.names (organisation_code, name, folded, pairs)"
                    " SELECT c, n, f, string_to_array(p, ' ') FROM unnest(CAST(:codes AS text[]), CAST(:names AS text[]),"
                    " CAST(:folded AS text[]), CAST(:pairs AS text[])) AS x (c, n, f, p)"
                    " ON CONFLICT (organisation_code) DO UPDATE SET name = EXCLUDED.name, folded = EXCLUDED.folded,"
                    " pairs = EXCLUDED.pairs"
                ),
                {
                    "codes": [code for code, _ in names],
                    "names": [name for _, name in names],
                    "folded": [fold_name(name) for _, name in names],
                    "pairs": [" ".join(sorted(pairs_of(fold_name(name)))) for _, name in names],
                },
            )

    async def candidates(self, name: str) -> list[Row]:
        """Subjects with this name, then those with a like one, the likest first."""
        windows = windows_of(name)
        parts = "".join(f" OR n.pairs @> string_to_array(:w{place}, ' ')" for place in range(len(windows)))
        rows = await self._database.rows(
            f"SELECT {SUBJECT} FROM gateway.names n JOIN matcher.subjects_v s ON s.organisation_code = n.organisation_code"
            f" WHERE n.folded = :folded{parts} ORDER BY n.folded = :folded DESC, n.organisation_code LIMIT {LOOKED_AT}",
            folded=fold_name(name),
            **{f"w{place}": " ".join(window) for place, window in enumerate(windows)},
        )
        alike = sorted(((likeness(name, str(row["name"])), place) for place, row in enumerate(rows)), key=_likest)
        return [rows[place] for degree, place in alike[:SHOWN] if degree >= LEAST_ALIKE]


def _likest(one: tuple[float, int]) -> tuple[float, int]:
    return -one[0], one[1]
