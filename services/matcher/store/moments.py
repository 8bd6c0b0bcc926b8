"""Understands the one queue of due moments: put where what they belong to is written, taken under its lock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from credithub.db.engine import AsyncConnection, text

Key = tuple[str, str, str]  # (organisation code, kind, ref)

PUT = text("""
    INSERT INTO matcher.moments (organisation_code, kind, ref, fires_on)
    SELECT oc, k, r, f FROM unnest(CAST(:codes AS text[]), CAST(:kinds AS text[]), CAST(:refs AS text[]),
                                   CAST(:days AS date[])) AS x(oc, k, r, f)
    ON CONFLICT (organisation_code, kind, ref) DO UPDATE SET fires_on = EXCLUDED.fires_on
""")
DROP = text("""
    DELETE FROM matcher.moments m USING unnest(CAST(:codes AS text[]), CAST(:kinds AS text[]), CAST(:refs AS text[]))
        AS x(oc, k, r) WHERE m.organisation_code = x.oc AND m.kind = x.k AND m.ref = x.r
""")
DUE = text("""
    SELECT organisation_code, kind, ref, fires_on FROM matcher.moments
     WHERE fires_on <= :today AND kind = ANY(CAST(:kinds AS text[]))
     ORDER BY fires_on, organisation_code, kind, ref LIMIT :limit
""")
TAKE = text("""
    DELETE FROM matcher.moments m USING unnest(CAST(:codes AS text[]), CAST(:kinds AS text[]), CAST(:refs AS text[]))
        AS x(oc, k, r)
     WHERE m.organisation_code = x.oc AND m.kind = x.k AND m.ref = x.r AND m.fires_on <= :today
    RETURNING m.organisation_code, m.kind, m.ref, m.fires_on
""")


@dataclass(frozen=True, slots=True)
class Moment:
    """What falls due, and the first day on which it does."""

    organisation_code: str
    kind: str
    ref: str
    fires_on: date

    @property
    def key(self) -> Key:
        return (self.organisation_code, self.kind, self.ref)


async def put(conn: AsyncConnection, rows: Iterable[tuple[str, str, str, date]]) -> None:
    """Sets when (organisation code, kind, ref) falls due; a later word on the same replaces the earlier."""
    days = {(code, kind, ref): day for code, kind, ref, day in rows}
    if days:
        await conn.execute(PUT, {**_keys(sorted(days)), "days": [days[key] for key in sorted(days)]})


async def drop(conn: AsyncConnection, keys: Iterable[Key]) -> None:
    """These fall due no more."""
    wanted = sorted(set(keys))
    if wanted:
        await conn.execute(DROP, _keys(wanted))


async def due(conn: AsyncConnection, today: date, kinds: Iterable[str], limit: int) -> list[Moment]:
    """What is due, oldest first, without a lock: to know whom to lock."""
    rows = await conn.execute(DUE, {"today": today, "kinds": sorted(kinds), "limit": limit})
    return [Moment(*r) for r in rows]


async def take(conn: AsyncConnection, moments: Sequence[Moment], today: date) -> list[Moment]:
    """Takes out those that are still due now that their subjects are locked (interleavings 8)."""
    rows = await conn.execute(TAKE, {**_keys([m.key for m in moments]), "today": today})
    return sorted((Moment(*r) for r in rows), key=lambda m: (m.fires_on, m.key))


def _keys(keys: Sequence[Key]) -> dict[str, object]:
    return {"codes": [k[0] for k in keys], "kinds": [k[1] for k in keys], "refs": [k[2] for k in keys]}
