"""Understands how the regions of a case are kept: whom it asked, and what each said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
