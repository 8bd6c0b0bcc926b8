"""Understands who is who: identifiers locked before look-up, the register's words on a subject, and who waits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from credithub.db.engine import AsyncConnection, text
from credithub.domain.events import CreditEvent
from services.matcher.rules.filing import Registered

Identifier = tuple[str, str]

CREATE = text("""
    INSERT INTO matcher.identifiers (scheme, value)
    SELECT s, v FROM unnest(CAST(:schemes AS text[]), CAST(:values AS text[])) AS x(s, v) ON CONFLICT DO NOTHING
""")
LOCK = text("""
    SELECT i.scheme, i.value, i.organisation_code FROM matcher.identifiers i
     WHERE (i.scheme, i.value) IN (SELECT s, v FROM unnest(CAST(:schemes AS text[]), CAST(:values AS text[])) AS x(s, v))
     ORDER BY i.scheme, i.value FOR UPDATE
""")


async def lock_identifiers(conn: AsyncConnection, wanted: Iterable[Identifier]) -> dict[Identifier, str | None]:
    """Creates what is absent and locks all, in order; then whoever looks one up sees the last word on it."""
    keys = sorted(set(wanted))
    if not keys:
        return {}
    args = {"schemes": [k[0] for k in keys], "values": [k[1] for k in keys]}
    await conn.execute(CREATE, args)
    rows = await conn.execute(LOCK, args)
    return {(r.scheme, r.value): r.organisation_code for r in rows}


MAP = text("""
    UPDATE matcher.identifiers i SET organisation_code = x.oc, since = x.since::date, evidence = x.ev
      FROM unnest(CAST(:schemes AS text[]), CAST(:values AS text[]), CAST(:codes AS text[]), CAST(:since AS text[]),
                  CAST(:evidence AS text[])) AS x(s, v, oc, since, ev)
     WHERE i.scheme = x.s AND i.value = x.v AND i.organisation_code IS NULL
""")


async def cross_walk(conn: AsyncConnection, links: Sequence[tuple[Identifier, str, str | None, str]]) -> None:
    """Links identifiers, already locked, to a subject: (identifier, organisation code, since, evidence)."""
    if links:
        await conn.execute(
            MAP,
            {
                "schemes": [link[0][0] for link in links],
                "values": [link[0][1] for link in links],
                "codes": [link[1] for link in links],
                "since": [link[2] for link in links],
                "evidence": [link[3] for link in links],
            },
        )


REGISTER = text("""
    UPDATE matcher.subjects s
       SET unified_code = coalesce(x.u, s.unified_code), name = coalesce(x.n, s.name), kind = coalesce(x.k, s.kind),
           seat = coalesce(x.seat, s.seat), status = coalesce(x.st, s.status), registered = true,
           class = coalesce(x.cl, s.class), superior = coalesce(x.su, s.superior),
           registered_on = coalesce(s.registered_on, x.since::date)
      FROM unnest(CAST(:codes AS text[]), CAST(:unified AS text[]), CAST(:names AS text[]), CAST(:kinds AS text[]),
                  CAST(:seats AS text[]), CAST(:statuses AS text[]), CAST(:since AS text[]), CAST(:classes AS text[]),
                  CAST(:superiors AS text[])) AS x(oc, u, n, k, seat, st, since, cl, su)
     WHERE s.organisation_code = x.oc
""")


async def register(conn: AsyncConnection, subjects: Sequence[Registered]) -> None:
    """Writes what the register says of subjects, already locked; what it leaves out stays."""
    if subjects:
        await conn.execute(
            REGISTER,
            {
                "codes": [s.organisation_code for s in subjects],
                "unified": [s.unified_code for s in subjects],
                "names": [s.name for s in subjects],
                "kinds": [s.kind for s in subjects],
                "seats": [s.seat for s in subjects],
                "statuses": [s.status for s in subjects],
                "since": [s.since for s in subjects],
                "classes": [s.subject_class for s in subjects],
                "superiors": [s.superior for s in subjects],
            },
        )


WAIT = text("""
    INSERT INTO matcher.waiting (awaits, source, id, event)
    SELECT a, s, i, e FROM unnest(CAST(:awaits AS text[]), CAST(:sources AS text[]), CAST(:ids AS text[]),
                                  CAST(:events AS bytea[])) WITH ORDINALITY AS x(a, s, i, e, n) ORDER BY n
    ON CONFLICT DO NOTHING
""")
DRAIN = text("""
    WITH came AS (SELECT DISTINCT source, id FROM matcher.waiting WHERE awaits = ANY(CAST(:awaits AS text[]))),
         gone AS (DELETE FROM matcher.waiting w USING came WHERE w.source = came.source AND w.id = came.id
                  RETURNING w.n, w.source, w.id, w.awaits, w.event)
    SELECT DISTINCT ON (source, id) n, awaits, event FROM gone ORDER BY source, id, n
""")


async def wait(conn: AsyncConnection, waiters: Sequence[tuple[str, CreditEvent]]) -> None:
    if waiters:
        await conn.execute(
            WAIT,
            {
                "awaits": [w[0] for w in waiters],
                "sources": [w[1].source for w in waiters],
                "ids": [w[1].id for w in waiters],
                "events": [w[1].to_bytes() for w in waiters],
            },
        )


async def drain(conn: AsyncConnection, awaited: Iterable[str]) -> list[CreditEvent]:
    """Takes out, in the order in which they came, the events that waited for any of these."""
    keys = sorted(set(awaited))
    if not keys:
        return []
    rows = (await conn.execute(DRAIN, {"awaits": keys})).all()
    return [CreditEvent.from_bytes(bytes(r.event)) for r in sorted(rows, key=lambda r: r.n)]


STRANDED = text("""
    SELECT count(*) FROM matcher.waiting w JOIN matcher.identifiers i
        ON w.awaits = i.scheme || ':' || i.value AND i.organisation_code IS NOT NULL AND i.scheme <> 'name'
""")


async def stranded(conn: AsyncConnection) -> int:
    """How many events wait for a subject that is known: always none, or rule 7 is broken."""
    return int((await conn.execute(STRANDED)).scalar_one())


WAITS_FOR_RECORD = text("SELECT EXISTS (SELECT FROM matcher.waiting WHERE awaits >= 'record' AND awaits < 'recore')")


async def any_waits_for_a_record(conn: AsyncConnection) -> bool:
    """A cheap look before asking for each record of a batch. What waits for our subjects was written under their lock."""
    return bool((await conn.execute(WAITS_FOR_RECORD)).scalar_one())


GROUPS = text("""
    WITH RECURSIVE linked (code, other) AS (
        SELECT x.c, x.c FROM unnest(CAST(:codes AS text[])) AS x(c)
        UNION
        SELECT g.code, CASE WHEN l.from_code = g.other THEN l.to_code ELSE l.from_code END
          FROM linked g JOIN matcher.subject_links l ON g.other IN (l.from_code, l.to_code)
         WHERE l.reverted_at IS NULL AND l.kind <> 'split'
    )
    SELECT code, other FROM linked WHERE code <> other ORDER BY 1, 2
""")
ANY_LINK = text("SELECT EXISTS (SELECT FROM matcher.subject_links)")


async def groups(conn: AsyncConnection, codes: Iterable[str]) -> dict[str, list[str]]:
    """The other codes of each subject that was re-coded or merged; empty where there is none."""
    if not (await conn.execute(ANY_LINK)).scalar_one():
        return {}
    found: dict[str, list[str]] = {}
    for r in await conn.execute(GROUPS, {"codes": sorted(set(codes))}):
        found.setdefault(r.code, []).append(r.other)
    return found


BY_NAME = text(
    "SELECT EXISTS (SELECT FROM matcher.waiting WHERE source = :source AND id = :id AND awaits LIKE 'name:%')"
)
TAKE_OUT = text("""
    WITH gone AS (
        DELETE FROM matcher.waiting w USING unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS x(s, i)
         WHERE w.source = x.s AND w.id = x.i RETURNING w.n, w.source, w.id, w.event)
    SELECT DISTINCT ON (source, id) n, event FROM gone ORDER BY source, id, n
""")


async def waits_by_name(conn: AsyncConnection, source: str, id: str) -> bool:  # noqa: A002 - CloudEvents' own word
    """Whether this entry waits for a person to say whose it is."""
    return bool((await conn.execute(BY_NAME, {"source": source, "id": id})).scalar_one())


async def take_out(conn: AsyncConnection, entries: Sequence[tuple[str, str]]) -> list[CreditEvent]:
    """Takes out, in the order in which they came, these very entries where they wait."""
    rows = (await conn.execute(TAKE_OUT, {"sources": [e[0] for e in entries], "ids": [e[1] for e in entries]})).all()
    return [CreditEvent.from_bytes(bytes(r.event)) for r in sorted(rows, key=lambda r: r.n)]
