"""Understands how codes that belong together are kept, and who follows whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from credithub.db.engine import AsyncConnection, text
from services.matcher.rules.linking import Link

LINK = text("""
    INSERT INTO matcher.subject_links (from_code, to_code, kind, effective_on, record)
    SELECT f, t, :kind, CAST(:day AS text)::date, :record FROM unnest(CAST(:from AS text[]), CAST(:to AS text[])) AS x(f, t)
    ON CONFLICT (from_code, to_code, kind) DO UPDATE
        SET reverted_at = NULL, reverted_by = NULL, effective_on = EXCLUDED.effective_on, record = EXCLUDED.record
""")
STANDING = text("""
    SELECT count(*) FROM unnest(CAST(:from AS text[]), CAST(:to AS text[])) AS x(f, t)
      JOIN matcher.subject_links l ON l.from_code = x.f AND l.to_code = x.t AND l.kind = :kind AND l.reverted_at IS NULL
""")
REVERT = text("""
    UPDATE matcher.subject_links l SET reverted_at = now(), reverted_by = :by
      FROM unnest(CAST(:from AS text[]), CAST(:to AS text[])) AS x(f, t)
     WHERE l.from_code = x.f AND l.to_code = x.t AND l.kind = :kind AND l.reverted_at IS NULL
""")
FOLLOWERS = text("""
    WITH RECURSIVE follows (old, new) AS (
        SELECT from_code, to_code FROM matcher.subject_links
         WHERE to_code = ANY(CAST(:codes AS text[])) AND kind <> 'split' AND reverted_at IS NULL
        UNION
        SELECT l.from_code, f.new FROM follows f JOIN matcher.subject_links l ON l.to_code = f.old
         WHERE l.kind <> 'split' AND l.reverted_at IS NULL
    )
    SELECT old, new FROM follows ORDER BY old
""")
SEATS = text("""
    SELECT DISTINCT ON (organisation_code) organisation_code, data -> 'registration' ->> 'seat' AS seat FROM matcher.records
     WHERE organisation_code = ANY(CAST(:codes AS text[])) AND data -> 'registration' ->> 'seat' IS NOT NULL
     ORDER BY organisation_code, archived_at DESC, seq DESC
""")
HOMES = text("""
    WITH RECURSIVE up (code, home, steps) AS (
        SELECT c, c, 0 FROM unnest(CAST(:codes AS text[])) AS x(c)
        UNION
        SELECT u.code, l.to_code, u.steps + 1 FROM up u JOIN matcher.subject_links l ON l.from_code = u.home
         WHERE l.kind <> 'split' AND l.reverted_at IS NULL AND u.steps < 32
    )
    SELECT DISTINCT ON (code) code, home FROM up ORDER BY code, steps DESC
""")
RESEAT = text("""
    UPDATE matcher.subjects s SET seat = x.seat, status = CASE WHEN x.oc = ANY(CAST(:named AS text[])) THEN :status ELSE s.status END
      FROM unnest(CAST(:codes AS text[]), CAST(:seats AS text[])) AS x(oc, seat) WHERE s.organisation_code = x.oc
""")


async def link(conn: AsyncConnection, made: Link, record: str) -> None:
    args = {"kind": made.kind, "day": made.effective_on, "record": record}
    await conn.execute(LINK, {**args, "from": [p[0] for p in made.pairs], "to": [p[1] for p in made.pairs]})


async def revert(conn: AsyncConnection, link_: Link) -> bool:
    """Takes links back; False when one of them does not stand, and then none is."""
    if (await conn.execute(STANDING, {"from": [p[0] for p in link_.pairs], "to": [p[1] for p in link_.pairs],
                                      "kind": link_.kind})).scalar_one() != len(link_.pairs):  # fmt: skip
        return False
    args = {"from": [p[0] for p in link_.pairs], "to": [p[1] for p in link_.pairs], "kind": link_.kind, "by": link_.by}
    return (await conn.execute(REVERT, args)).rowcount == len(link_.pairs)


async def followers(conn: AsyncConnection, codes: Iterable[str]) -> list[tuple[str, str]]:
    """(old code, the one of these that took it over), however many steps lie between."""
    return [(r.old, r.new) for r in await conn.execute(FOLLOWERS, {"codes": sorted(set(codes))})]


async def seats_said(conn: AsyncConnection, codes: Sequence[str]) -> dict[str, str]:
    """The seat that the register itself last said of each code."""
    return {r.organisation_code: r.seat for r in await conn.execute(SEATS, {"codes": list(codes)})}


async def homes(conn: AsyncConnection, codes: Sequence[str]) -> dict[str, str]:
    """Who answers for each code now: the code itself, or whoever took it over, however many steps lie between."""
    return {r.code: r.home for r in await conn.execute(HOMES, {"codes": list(codes)})}


async def reseat(
    conn: AsyncConnection, seats: Mapping[str, str | None], named: Sequence[str] = (), status: str = ""
) -> None:
    """Writes seats; `named` are in this status besides."""
    args = {"codes": list(seats), "seats": list(seats.values()), "named": list(named), "status": status}
    await conn.execute(RESEAT, args)
