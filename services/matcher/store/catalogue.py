"""Understands how far a catalogue version was swept through the archive, and what of it each subject has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from credithub.db.engine import AsyncConnection, text
from credithub.domain.catalogue.layers import Turn
from credithub.domain.routing import Affiliation

Key = tuple[str, date]  # (version, the day on which it turned)

KNOWN = text("SELECT version, turned_on FROM matcher.catalogue_sweeps WHERE done_at IS NOT NULL")
ENTER = text("""
    INSERT INTO matcher.catalogue_sweeps (version, turned_on, done_at)
    SELECT v, o, CASE WHEN nothing THEN CAST(:at AS timestamptz) END
      FROM unnest(CAST(:versions AS text[]), CAST(:days AS date[]), CAST(:nothing AS boolean[])) AS x(v, o, nothing)
    ON CONFLICT DO NOTHING
""")
TAKE = text("""
    SELECT after FROM matcher.catalogue_sweeps
     WHERE version = :version AND turned_on = :day AND done_at IS NULL FOR UPDATE SKIP LOCKED
""")
MOVE = text("""
    UPDATE matcher.catalogue_sweeps
       SET after = coalesce(CAST(:after AS text), after), ended = ended + :ended, made = made + :made,
           done_at = CASE WHEN CAST(:after AS text) IS NULL THEN CAST(:at AS timestamptz) END
     WHERE version = :version AND turned_on = :day
""")
SUBJECTS = text("""
    SELECT s.organisation_code FROM matcher.subjects s
     WHERE s.organisation_code > :after
       AND (EXISTS (SELECT FROM matcher.obligations o WHERE o.organisation_code = s.organisation_code
                       AND o.state NOT IN ('lifting', 'lifted', 'cancelled'))
            OR EXISTS (SELECT FROM matcher.unrouted u WHERE u.organisation_code = s.organisation_code)
            OR CAST(:active AS boolean) AND EXISTS (SELECT FROM matcher.records r
                 WHERE r.organisation_code = s.organisation_code AND r.state = 'active' AND r.tolerated IS NULL))
     ORDER BY 1 LIMIT :most
""")
LOCK = text("""
    SELECT organisation_code, seat, kind, class, superior FROM matcher.subjects WHERE organisation_code = ANY(CAST(:codes AS text[]))
     ORDER BY organisation_code FOR UPDATE
""")
LIVE = text("""
    SELECT organisation_code, obligation, record, item, measure, department, catalogue FROM matcher.obligations
     WHERE organisation_code = ANY(CAST(:codes AS text[])) AND state NOT IN ('lifting', 'lifted', 'cancelled')
     ORDER BY obligation
""")
ACTIVE = text("""
    SELECT organisation_code, record, item, kind FROM matcher.records
     WHERE organisation_code = ANY(CAST(:codes AS text[])) AND state = 'active' AND tolerated IS NULL
     ORDER BY organisation_code, seq
""")


@dataclass(frozen=True, slots=True)
class Seated:
    """A subject, as far as it matters to which catalogue holds for it."""

    organisation_code: str
    seat: str | None
    kind: str
    of: Affiliation


@dataclass(frozen=True, slots=True)
class Live:
    organisation_code: str
    obligation: str
    record: str
    item: str
    measure: str
    department: str
    catalogue: str


@dataclass(frozen=True, slots=True)
class Active:
    organisation_code: str
    record: str
    item: str
    event: str


async def done(conn: AsyncConnection) -> set[Key]:
    return {(r.version, r.turned_on) for r in await conn.execute(KNOWN)}


async def enter(conn: AsyncConnection, turns: Sequence[tuple[Turn, bool]], at: datetime) -> None:
    """Turns that are to be swept; those with nothing to sweep are done by that."""
    await conn.execute(
        ENTER,
        {
            "versions": [turn.version for turn, _ in turns],
            "days": [turn.on for turn, _ in turns],
            "nothing": [nothing for _, nothing in turns],
            "at": at,
        },
    )


async def take(conn: AsyncConnection, turn: Turn) -> str | None:
    """Locks the sweep; gives where it goes on. None: it is done, or another process is at it."""
    return (await conn.execute(TAKE, {"version": turn.version, "day": turn.on})).scalar_one_or_none()


async def move(
    conn: AsyncConnection, turn: Turn, *, after: str | None, ended: int = 0, made: int = 0, at: datetime
) -> None:
    """The sweep has come so far; `after` None: to its end."""
    values = {"version": turn.version, "day": turn.on, "after": after, "ended": ended, "made": made, "at": at}
    await conn.execute(MOVE, values)


async def subjects(conn: AsyncConnection, after: str, *, active: bool, most: int) -> list[str]:
    """The next subjects that have obligations in force, or where `active` records in force."""
    rows = await conn.execute(SUBJECTS, {"after": after, "active": active, "most": most})
    return list(rows.scalars())


async def lock(conn: AsyncConnection, codes: Sequence[str]) -> dict[str, Seated]:
    """Locks the subjects, in order."""
    rows = await conn.execute(LOCK, {"codes": sorted(codes)})
    return {code: Seated(code, seat, kind, Affiliation(*of)) for code, seat, kind, *of in rows}


async def live(conn: AsyncConnection, codes: Iterable[str]) -> list[Live]:
    return [Live(r.organisation_code, r.obligation, r.record, r.item, r.measure, r.department, r.catalogue)
            for r in await conn.execute(LIVE, {"codes": sorted(codes)})]  # fmt: skip


async def active(conn: AsyncConnection, codes: Iterable[str]) -> list[Active]:
    """Records in force on which measures may follow, in the order of each subject."""
    rows = await conn.execute(ACTIVE, {"codes": sorted(codes)})
    return [Active(r.organisation_code, r.record, r.item, r.kind) for r in rows]
