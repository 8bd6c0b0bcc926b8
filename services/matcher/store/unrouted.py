"""Understands what is planned and has no agency yet: kept visible until one is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from credithub.db.engine import AsyncConnection, text
from credithub.domain.catalogue import SUPERIOR_UNIT

UNROUTED = text("""
    INSERT INTO matcher.unrouted (organisation_code, case_id, record, item, measure, department, catalogue)
    SELECT oc, c, r, i, m, d, ca FROM unnest(CAST(:codes AS text[]), CAST(:cases AS text[]), CAST(:records AS text[]),
        CAST(:items AS text[]), CAST(:measures AS text[]), CAST(:departments AS text[]), CAST(:catalogues AS text[]))
        AS x(oc, c, r, i, m, d, ca)
    ON CONFLICT DO NOTHING
""")
UNROUTE_RECORDS = text("""
    DELETE FROM matcher.unrouted u USING unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, r)
     WHERE u.organisation_code = x.oc AND u.record = x.r
""")
UNROUTED_OF = text("""
    SELECT organisation_code, case_id, record, item, measure, department, catalogue FROM matcher.unrouted
     WHERE organisation_code = ANY(CAST(:codes AS text[])) ORDER BY organisation_code, case_id, measure, department
""")
ROUTED = text("""
    DELETE FROM matcher.unrouted u USING unnest(CAST(:codes AS text[]), CAST(:cases AS text[]), CAST(:measures AS text[]),
        CAST(:departments AS text[])) AS x(oc, c, m, d)
     WHERE u.organisation_code = x.oc AND u.case_id = x.c AND u.measure = x.m AND u.department = x.d
""")
UNROUTED_SUBJECTS = text("""
    SELECT DISTINCT u.organisation_code FROM matcher.unrouted u JOIN matcher.subjects s USING (organisation_code)
     WHERE (s.seat IS NOT NULL AND u.department = ANY(CAST(:departments AS text[]))
            OR u.department = :superior_unit AND s.superior = ANY(CAST(:agencies AS text[])))
       AND u.organisation_code > :after
     ORDER BY 1 LIMIT 500
""")


@dataclass(frozen=True, slots=True)
class Unrouted:
    organisation_code: str
    case_id: str
    record: str
    item: str
    measure: str
    department: str
    catalogue: str


async def leave_unrouted(conn: AsyncConnection, rows: Sequence[Unrouted]) -> None:
    if rows:
        await conn.execute(
            UNROUTED,
            {
                "codes": [r.organisation_code for r in rows],
                "cases": [r.case_id for r in rows],
                "records": [r.record for r in rows],
                "items": [r.item for r in rows],
                "measures": [r.measure for r in rows],
                "departments": [r.department for r in rows],
                "catalogues": [r.catalogue for r in rows],
            },
        )


async def unrouted_of(conn: AsyncConnection, codes: Iterable[str]) -> list[Unrouted]:
    rows = await conn.execute(UNROUTED_OF, {"codes": sorted(set(codes))})
    return [Unrouted(*r) for r in rows]


async def routed(conn: AsyncConnection, rows: Sequence[Unrouted]) -> None:
    if rows:
        await conn.execute(
            ROUTED,
            {
                "codes": [r.organisation_code for r in rows],
                "cases": [r.case_id for r in rows],
                "measures": [r.measure for r in rows],
                "departments": [r.department for r in rows],
            },
        )


async def drop_records(conn: AsyncConnection, records: Sequence[tuple[str, str]]) -> None:
    """What could not be routed of these records is owed no more."""
    if records:
        await conn.execute(UNROUTE_RECORDS, {"codes": [r[0] for r in records], "records": [r[1] for r in records]})


async def subjects_with_unrouted(
    conn: AsyncConnection, departments: Iterable[str], agencies: Iterable[str], after: str
) -> list[str]:
    """Up to 500 subjects that have something unrouted; `after` pages on.

    For these departments, where their seat is known; for their superior, where that is one of these agencies.
    """
    wanted = {"departments": sorted(set(departments)), "agencies": sorted(set(agencies)), "after": after}
    rows = await conn.execute(UNROUTED_SUBJECTS, {**wanted, "superior_unit": SUPERIOR_UNIT})
    return list(rows.scalars())
