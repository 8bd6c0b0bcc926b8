"""Understands what a subject's obligations are routed by: who has them, in which round, and what is in doubt."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from credithub.db.engine import AsyncConnection, text
from services.matcher.rules.moves import Obligation
from services.matcher.store.duties import COLUMNS, Key, obligation_of

LIVE = text(f"""
    SELECT {COLUMNS} FROM matcher.obligations o
     WHERE o.organisation_code = ANY(CAST(:codes AS text[])) AND o.scope IS NULL
       AND o.state NOT IN ('lifting', 'lifted', 'cancelled') ORDER BY o.obligation
""")
IN_REGIONS = text(f"""
    SELECT {COLUMNS} FROM matcher.obligations o
     WHERE o.organisation_code = ANY(CAST(:codes AS text[])) AND o.scope IS NOT NULL
       AND o.state NOT IN ('lifting', 'lifted', 'cancelled') ORDER BY o.obligation
""")
ROUNDS = text("""
    SELECT o.case_id, o.measure, o.agency, max(o.round) AS round
      FROM unnest(CAST(:codes AS text[]), CAST(:cases AS text[])) AS x(oc, c)
      JOIN matcher.obligations o ON o.organisation_code = x.oc AND o.case_id = x.c
     GROUP BY o.case_id, o.measure, o.agency
""")
ACTING = text("""
    SELECT o.case_id, o.measure, o.agency
      FROM unnest(CAST(:codes AS text[]), CAST(:cases AS text[])) AS x(oc, c)
      JOIN matcher.obligations o ON o.organisation_code = x.oc AND o.case_id = x.c
     WHERE o.state NOT IN ('lifting', 'lifted', 'cancelled')
""")
RECORDS = text("""
    SELECT r.organisation_code, r.record, r.disputed OR r.shielded AS suspended,
           coalesce((r.data #>> '{listing,listed_on}')::date, r.decided_on) AS begun_on
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
      JOIN matcher.records r ON r.organisation_code = x.oc AND r.record = x.rec
""")
IN_FORCE = text("""
    SELECT organisation_code, record, item, kind AS event, catalogue FROM matcher.records
     WHERE organisation_code = ANY(CAST(:codes AS text[])) AND state = 'active' AND tolerated IS NULL
     ORDER BY organisation_code, seq
""")
HELD_BY = text("""
    SELECT DISTINCT organisation_code FROM matcher.obligations
     WHERE agency = ANY(CAST(:agencies AS text[])) AND organisation_code > :after AND scope IS NULL
       AND state IN ('triggered', 'delivered', 'acknowledged', 'executed', 'declined')
     ORDER BY 1 LIMIT 500
""")


async def live(conn: AsyncConnection, codes: Iterable[str]) -> list[Obligation]:
    """Obligations in force that follow the seat of these subjects, which are locked already."""
    rows = await conn.execute(LIVE, {"codes": sorted(set(codes))})
    return [obligation_of(r) for r in rows.mappings()]


async def in_regions(conn: AsyncConnection, codes: Iterable[str]) -> list[Obligation]:
    """Obligations in force that regions have taken over."""
    rows = await conn.execute(IN_REGIONS, {"codes": sorted(set(codes))})
    return [obligation_of(r) for r in rows.mappings()]


@dataclass(frozen=True, slots=True)
class InForce:
    """A record on which measures may follow; `event` is the kind that made it."""

    organisation_code: str
    record: str
    item: str
    event: str
    catalogue: str


async def in_force(conn: AsyncConnection, codes: Iterable[str]) -> list[InForce]:
    """The records in force of these subjects, which are locked already, in the order of each."""
    return [InForce(*r) for r in await conn.execute(IN_FORCE, {"codes": sorted(set(codes))})]


async def rounds(conn: AsyncConnection, cases: Iterable[tuple[str, str]]) -> dict[tuple[str, str, str], int]:
    """The last round of each (case, measure, agency), of (organisation code, case)."""
    keys = sorted(set(cases))
    rows = await conn.execute(ROUNDS, {"codes": [k[0] for k in keys], "cases": [k[1] for k in keys]})
    return {(r.case_id, r.measure, r.agency): r.round for r in rows}


async def acting(conn: AsyncConnection, cases: Iterable[tuple[str, str]]) -> set[tuple[str, str, str]]:
    """Who acts now: each (case, measure, agency) with an obligation in force, of (organisation code, case)."""
    keys = sorted(set(cases))
    rows = await conn.execute(ACTING, {"codes": [k[0] for k in keys], "cases": [k[1] for k in keys]})
    return {(r.case_id, r.measure, r.agency) for r in rows}


async def records(conn: AsyncConnection, keys: Iterable[Key]) -> dict[Key, tuple[bool, date | None]]:
    """Of each record whether it is suspended, and when it began."""
    wanted = sorted(set(keys))
    rows = await conn.execute(RECORDS, {"codes": [k[0] for k in wanted], "records": [k[1] for k in wanted]})
    return {(r.organisation_code, r.record): (r.suspended, r.begun_on) for r in rows}


async def subjects_held_by(conn: AsyncConnection, agencies: Iterable[str], after: str) -> list[str]:
    """Up to 500 subjects with an obligation in force at one of these agencies; `after` pages on."""
    rows = await conn.execute(HELD_BY, {"agencies": sorted(set(agencies)), "after": after})
    return list(rows.scalars())
