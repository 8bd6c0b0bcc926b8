"""Understands how a record's life is kept: as it stands, what is open about it, and what it was at each moment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from credithub.db.engine import AsyncConnection, text
from credithub.db.values import as_json
from services.matcher.rules.records import Correction, JsonObject, Life
from services.matcher.store import opened

Key = tuple[str, str]  # (organisation code, record)

LIVES = text("""
    SELECT r.organisation_code, r.record, r.item, r.kind, r.state, r.version, r.supplier, r.catalogue, r.content, r.severity,
           r.repairable_from, r.in_conflict, r.notes, r.end_reason, r.document, r.data -> 'subject' ->> 'name' AS name
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
      JOIN matcher.records r ON r.organisation_code = x.oc AND r.record = x.rec
""")


async def lives(conn: AsyncConnection, keys: Iterable[Key]) -> dict[Key, Life]:
    """Records as they stand, whose subjects are locked already."""
    wanted = sorted(set(keys))
    args = {"codes": [k[0] for k in wanted], "records": [k[1] for k in wanted]}
    holds, objections, repairs = await opened.of(conn, args)
    found: dict[Key, Life] = {}
    for r in await conn.execute(LIVES, args):
        key = (r.organisation_code, r.record)
        found[key] = Life(
            organisation_code=r.organisation_code, record=r.record, item=r.item, kind=r.kind, state=r.state,
            version=r.version, supplier=r.supplier, catalogue=r.catalogue, content=r.content, severity=r.severity,
            repairable_from=r.repairable_from, in_conflict=r.in_conflict, notes=tuple(as_json(r.notes)),
            end_reason=as_json(r.end_reason), holds=holds.get(key, {}), objections=objections.get(key, {}),
            repairs=repairs.get(key, {}), document=as_json(r.document), name=r.name or "",
        )  # fmt: skip
    return found


KEEP = text("""
    INSERT INTO matcher.record_versions (organisation_code, record, version, content, document, data, source, id, archived_at)
    SELECT r.organisation_code, r.record, r.version, r.content, r.document, r.data, r.source, r.id, r.archived_at
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
      JOIN matcher.records r ON r.organisation_code = x.oc AND r.record = x.rec
    ON CONFLICT DO NOTHING
""")
CORRECT = text("""
    UPDATE matcher.records r
       SET version = r.version + 1, content = x.c, source = x.s, id = x.i, archived_at = now(),
           data = (SELECT coalesce(jsonb_object_agg(part, said), '{}') FROM jsonb_each(r.data) AS was (part, said)
                    WHERE part IN ('subject', 'document')) || x.d::jsonb
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[]), CAST(:contents AS text[]), CAST(:data AS text[]),
                  CAST(:sources AS text[]), CAST(:ids AS text[])) AS x(oc, rec, c, d, s, i)
     WHERE r.organisation_code = x.oc AND r.record = x.rec
""")
STAND = text("""
    UPDATE matcher.records r
       SET state = x.st, disputed = x.di, shielded = x.sh, in_conflict = x.co, notes = x.no::jsonb, end_reason = x.re::jsonb,
           ended_at = CASE WHEN x.st <> 'active' THEN coalesce(r.ended_at, x.at::timestamptz) END
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[]), CAST(:states AS text[]), CAST(:disputed AS boolean[]),
                  CAST(:shielded AS boolean[]), CAST(:conflicts AS boolean[]), CAST(:notes AS text[]), CAST(:reasons AS text[]),
                  CAST(:at AS text[])) AS x(oc, rec, st, di, sh, co, no, re, at)
     WHERE r.organisation_code = x.oc AND r.record = x.rec
""")


async def correct(conn: AsyncConnection, corrections: Sequence[tuple[Key, Correction]]) -> None:
    """Serves the corrected content from now on, and keeps what was served before. One correction a record."""
    if not corrections:
        return
    keys = {"codes": [k[0] for k, _ in corrections], "records": [k[1] for k, _ in corrections]}
    await conn.execute(KEEP, keys)
    await conn.execute(
        CORRECT,
        {
            **keys,
            "contents": [c.content for _, c in corrections],
            "data": [_json(c.data) for _, c in corrections],
            "sources": [c.source for _, c in corrections],
            "ids": [c.id for _, c in corrections],
        },
    )


async def stand(conn: AsyncConnection, standing: Sequence[tuple[Life, str]]) -> None:
    """Writes how records stand since a moment each."""
    if standing:
        lives_ = [life for life, _ in standing]
        await conn.execute(
            STAND,
            {
                "codes": [life.organisation_code for life in lives_],
                "records": [life.record for life in lives_],
                "states": [life.state for life in lives_],
                "disputed": [life.disputed for life in lives_],
                "shielded": [life.shielded for life in lives_],
                "conflicts": [life.in_conflict for life in lives_],
                "notes": [_json(life.notes) for life in lives_],
                "reasons": [_json(life.end_reason) for life in lives_],
                "at": [at for _, at in standing],
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of a record's history."""

    life: Life
    n: int
    at: str
    change: str
    source: str | None
    id: str | None
    reason: JsonObject | None


CHANGES = text("""
    INSERT INTO matcher.record_changes
        (organisation_code, record, n, at, change, source, id, version, state, disputed, shielded, reason)
    SELECT oc, rec, n, at::timestamptz, ch, s, i, v, st, di, sh, re
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
           AS x(oc text, rec text, n bigint, at text, ch text, s text, i text, v int, st text, di boolean, sh boolean, re jsonb)
    ON CONFLICT DO NOTHING
""")


async def remember(conn: AsyncConnection, changes: Sequence[Change]) -> None:
    """Adds lines to the history of records."""
    if changes:
        rows = [
            {
                "oc": c.life.organisation_code, "rec": c.life.record, "n": c.n, "at": c.at, "ch": c.change, "s": c.source,
                "i": c.id, "v": c.life.version, "st": c.life.state, "di": c.life.disputed, "sh": c.life.shielded,
                "re": c.reason,
            }
            for c in changes
        ]  # fmt: skip
        await conn.execute(CHANGES, {"rows": _json(rows)})


HOLDERS = text("""
    SELECT DISTINCT o.organisation_code, o.record, o.agency
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
      JOIN matcher.obligations o ON o.organisation_code = x.oc AND o.record = x.rec
""")


async def holders(conn: AsyncConnection, keys: Iterable[Key]) -> dict[Key, set[str]]:
    """Which agencies were ever given an obligation of these records."""
    wanted = sorted(set(keys))
    found: dict[Key, set[str]] = {}
    for r in await conn.execute(HOLDERS, {"codes": [k[0] for k in wanted], "records": [k[1] for k in wanted]}):
        found.setdefault((r.organisation_code, r.record), set()).add(r.agency)
    return found


SETTLE = text("""
    UPDATE matcher.witnesses w SET settled_at = now(), settled_by = x.by, agrees = w.content = r.content
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[]), CAST(:by AS text[])) AS x(oc, rec, by)
      JOIN matcher.records r ON r.organisation_code = x.oc AND r.record = x.rec
     WHERE w.organisation_code = x.oc AND w.record = x.rec AND NOT w.agrees AND w.settled_at IS NULL
""")


async def settle(conn: AsyncConnection, settled: Sequence[tuple[Key, str]]) -> None:
    """Closes what other sources said differently: (record's key, who settled it)."""
    if settled:
        await conn.execute(
            SETTLE,
            {
                "codes": [k[0] for k, _ in settled],
                "records": [k[1] for k, _ in settled],
                "by": [by for _, by in settled],
            },
        )


TARGETS = text("""
    SELECT r.organisation_code, r.record, r.item, r.folded_number, r.issuer, r.decided_on::text AS decided_on, r.kind
      FROM unnest(CAST(:codes AS text[]), CAST(:items AS text[]), CAST(:numbers AS text[])) AS x(oc, it, fn)
      JOIN matcher.records r ON r.organisation_code = x.oc AND r.item = x.it AND r.folded_number = x.fn
""")


@dataclass(frozen=True, slots=True)
class Named:
    """A record found by its document's number."""

    organisation_code: str
    record: str
    item: str
    folded_number: str
    issuer: str
    decided_on: str | None
    kind: str


async def named(conn: AsyncConnection, wanted: Iterable[tuple[str, str, str]]) -> list[Named]:
    """All records by (organisation code, item, folded number)."""
    keys = sorted(set(wanted))
    if not keys:
        return []
    rows = await conn.execute(
        TARGETS, {"codes": [k[0] for k in keys], "items": [k[1] for k in keys], "numbers": [k[2] for k in keys]}
    )
    return [Named(*r) for r in rows]


def _json(value: object) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
