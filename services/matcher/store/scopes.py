"""Understands how the regions of a case are kept: whom it asked, and what each said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from credithub.db.engine import AsyncConnection, text

ASK = text("""
    INSERT INTO matcher.scopes (organisation_code, case_id, division, state, initiated_by, reason, asked_at)
    SELECT :code, :case_id, d, 'asked', :by, :reason, CAST(:at AS text)::timestamptz
      FROM unnest(CAST(:divisions AS text[])) AS x(d)
    ON CONFLICT DO NOTHING
""")
ANSWER = text("""
    UPDATE matcher.scopes SET state = :state, answered_by = :by, answer_reason = :reason,
           answered_at = CAST(:at AS text)::timestamptz
     WHERE organisation_code = :code AND case_id = :case_id AND division = :division
""")
OF_CASE = text("""
    SELECT division, state FROM matcher.scopes WHERE organisation_code = :code AND case_id = :case_id ORDER BY division
""")


JOINED = text("""
    SELECT s.organisation_code, s.case_id, s.division, c.record, c.item, r.catalogue, r.disputed OR r.shielded AS suspended,
           coalesce((r.data #>> '{listing,listed_on}')::date, r.decided_on) AS begun_on
      FROM matcher.scopes s JOIN matcher.cases c USING (organisation_code, case_id)
      JOIN matcher.records r ON r.organisation_code = c.organisation_code AND r.record = c.record
     WHERE s.organisation_code = ANY(CAST(:codes AS text[])) AND s.state = 'accepted' AND r.state = 'active'
       AND r.tolerated IS NULL
     ORDER BY s.organisation_code, s.case_id, s.answered_at, s.division
""")
WITH_REGIONS = text("""
    SELECT DISTINCT organisation_code FROM matcher.scopes WHERE state = 'accepted' AND organisation_code > :after
     ORDER BY 1 LIMIT 500
""")


@dataclass(frozen=True, slots=True)
class Joined:
    """A region that has joined the case of a record in force."""

    organisation_code: str
    case_id: str
    division: str
    record: str
    item: str
    catalogue: str
    suspended: bool
    begun_on: date | None


async def joined(conn: AsyncConnection, codes: Iterable[str]) -> list[Joined]:
    """The regions of these subjects' cases, in the order in which they joined."""
    return [Joined(*row) for row in await conn.execute(JOINED, {"codes": sorted(set(codes))})]


async def subjects_with_regions(conn: AsyncConnection, after: str) -> list[str]:
    """Up to 500 subjects of whose cases a region has joined one; `after` pages on."""
    return list((await conn.execute(WITH_REGIONS, {"after": after})).scalars())


@dataclass(frozen=True, slots=True)
class Region:
    division: str
    state: str


async def ask(
    conn: AsyncConnection, code: str, case_id: str, divisions: Sequence[str], *, by: str, reason: str, at: str
) -> None:
    """Asks regions to join; one that was asked before is not asked again."""
    args = {"code": code, "case_id": case_id, "divisions": sorted(set(divisions)), "by": by, "reason": reason, "at": at}
    await conn.execute(ASK, args)


async def answer(
    conn: AsyncConnection, code: str, case_id: str, division: str, *, state: str, by: str, reason: str | None, at: str
) -> None:
    await conn.execute(
        ANSWER,
        {"code": code, "case_id": case_id, "division": division, "state": state, "by": by, "reason": reason, "at": at},
    )


async def of_case(conn: AsyncConnection, code: str, case_id: str) -> list[Region]:
    return [Region(*row) for row in await conn.execute(OF_CASE, {"code": code, "case_id": case_id})]
