"""Understands how a record's life is kept: as it stands, what is open about it, and what it was at each moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TypeVar

import orjson

from credithub.db.engine import AsyncConnection, text
from credithub.db.values import as_json
from services.matcher.rules.records import Correction, Held, Hold, JsonObject, Life, Objection, Repair

Key = tuple[str, str]  # (organisation code, record)

LIVES = text("""
    SELECT r.organisation_code, r.record, r.item, r.kind, r.state, r.version, r.supplier, r.catalogue, r.content, r.severity,
           r.repairable_from, r.in_conflict, r.notes, r.end_reason, r.document, r.data -> 'subject' ->> 'name' AS name
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
      JOIN matcher.records r ON r.organisation_code = x.oc AND r.record = x.rec
""")
HOLDS = text("""
    SELECT h.organisation_code, h.record, h.kind, h.hold, h.ground, h.outcome, h.until::text AS until,
           h.opened_at::text AS opened_at, h.closed_at::text AS closed_at
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
      JOIN matcher.holds h ON h.organisation_code = x.oc AND h.record = x.rec
""")
OBJECTIONS = text("""
    SELECT o.organisation_code, o.record, o.objection AS number, o.by, o.filed_by, o.ground, o.statement, o.document, o.state,
           o.opened_at::text AS opened_at, o.determining, o.supplier_due_on::text AS supplier_due_on,
           o.collector_due_on::text AS collector_due_on, o.supplier_finding, o.supplier_statement,
           o.supplier_at::text AS supplier_at, o.collector_finding, o.collector_statement,
           o.collector_at::text AS collector_at, o.closed_at::text AS closed_at, o.reason
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
      JOIN matcher.objections o ON o.organisation_code = x.oc AND o.record = x.rec
""")
REPAIRS = text("""
    SELECT p.organisation_code, p.record, p.repair AS number, p.filed_by, p.determining, p.statement, p.commitment,
           p.duty_done_on::text AS duty_done_on, p.duty_document, p.document, p.state, p.applied_at::text AS applied_at,
           p.due_on::text AS due_on, p.decided_at::text AS decided_at, p.reason, p.citation
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
      JOIN matcher.repairs p ON p.organisation_code = x.oc AND p.record = x.rec
""")


async def lives(conn: AsyncConnection, keys: Iterable[Key]) -> dict[Key, Life]:
    """Records as they stand, whose subjects are locked already."""
    wanted = sorted(set(keys))
    args = {"codes": [k[0] for k in wanted], "records": [k[1] for k in wanted]}
    holds, objections, repairs = await _open(conn, args)
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


Holds = dict[Key, dict[Hold, Held]]
Objections = dict[Key, dict[str, Objection]]
Repairs = dict[Key, dict[str, Repair]]


async def _open(conn: AsyncConnection, args: Mapping[str, list[str]]) -> tuple[Holds, Objections, Repairs]:
    holds: Holds = {}
    for r in (await conn.execute(HOLDS, args)).mappings():
        held = Held(
            hold=(r["kind"], r["hold"]), opened_at=r["opened_at"], closed_at=r["closed_at"], ground=r["ground"],
            outcome=r["outcome"], until=r["until"],
        )  # fmt: skip
        holds.setdefault((r["organisation_code"], r["record"]), {})[held.hold] = held
    objections: Objections = {}
    for r in (await conn.execute(OBJECTIONS, args)).mappings():
        row = {**r, "document": as_json(r["document"])}
        key = (row.pop("organisation_code"), row.pop("record"))
        objections.setdefault(key, {})[row["number"]] = Objection(**row)
    repairs: Repairs = {}
    for r in (await conn.execute(REPAIRS, args)).mappings():
        row = {**r, "document": as_json(r["document"]), "citation": as_json(r["citation"])}
        key = (row.pop("organisation_code"), row.pop("record"))
        repairs.setdefault(key, {})[row["number"]] = Repair(**row)
    return holds, objections, repairs


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


PUT_HOLDS = text("""
    INSERT INTO matcher.holds (organisation_code, record, kind, hold, opened_at, closed_at, ground, outcome, until)
    SELECT oc, rec, k, h, o::timestamptz, c::timestamptz, g, out, u::date
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
           AS x(oc text, rec text, k text, h text, o text, c text, g text, out text, u text)
    ON CONFLICT (organisation_code, record, kind, hold) DO UPDATE
        SET opened_at = EXCLUDED.opened_at, closed_at = EXCLUDED.closed_at, ground = EXCLUDED.ground,
            outcome = EXCLUDED.outcome, until = EXCLUDED.until
""")
PUT_OBJECTIONS = text("""
    INSERT INTO matcher.objections
    SELECT x.* FROM jsonb_populate_recordset(NULL::matcher.objections, CAST(:rows AS jsonb)) AS x
    ON CONFLICT (organisation_code, objection) DO UPDATE
        SET state = EXCLUDED.state, supplier_finding = EXCLUDED.supplier_finding,
            supplier_statement = EXCLUDED.supplier_statement, supplier_at = EXCLUDED.supplier_at,
            collector_finding = EXCLUDED.collector_finding, collector_statement = EXCLUDED.collector_statement,
            collector_at = EXCLUDED.collector_at, closed_at = EXCLUDED.closed_at, reason = EXCLUDED.reason
""")
PUT_REPAIRS = text("""
    INSERT INTO matcher.repairs
    SELECT x.* FROM jsonb_populate_recordset(NULL::matcher.repairs, CAST(:rows AS jsonb)) AS x
    ON CONFLICT (organisation_code, repair) DO UPDATE
        SET state = EXCLUDED.state, decided_at = EXCLUDED.decided_at, reason = EXCLUDED.reason, citation = EXCLUDED.citation
""")


async def keep_open(conn: AsyncConnection, steps: Sequence[tuple[Life, Life]]) -> None:
    """Writes the holds, objections and repairs that differ, for records given as they were and as they are."""
    holds = [_hold(now, held) for was, now in steps for held in _differing(was.holds, now.holds)]
    objections = [
        _row(now, "objection", asdict(objection), {"escalated": []})
        for was, now in steps
        for objection in _differing(was.objections, now.objections)
    ]
    repairs = [
        _row(now, "repair", asdict(repair), {"escalated": False})
        for was, now in steps
        for repair in _differing(was.repairs, now.repairs)
    ]
    for statement, rows in ((PUT_HOLDS, holds), (PUT_OBJECTIONS, objections), (PUT_REPAIRS, repairs)):
        if rows:
            await conn.execute(statement, {"rows": _json(rows)})


K = TypeVar("K")
V = TypeVar("V")


def _differing(was: Mapping[K, V], now: Mapping[K, V]) -> list[V]:
    return [value for key, value in now.items() if was.get(key) != value]


def _row(life: Life, name: str, said: JsonObject, more: JsonObject) -> JsonObject:
    return {
        "organisation_code": life.organisation_code,
        "record": life.record,
        name: said.pop("number"),
        **said,
        **more,
    }


def _hold(life: Life, held: Held) -> JsonObject:
    return {
        "oc": life.organisation_code, "rec": life.record, "k": held.hold[0], "h": held.hold[1], "o": held.opened_at,
        "c": held.closed_at, "g": held.ground, "out": held.outcome, "u": held.until,
    }  # fmt: skip


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


OWNERS = text("""
    SELECT x.oc, x.k, x.f, coalesce(r.record, o.record, p.record, h.record) AS record
      FROM unnest(CAST(:codes AS text[]), CAST(:kinds AS text[]), CAST(:refs AS text[])) AS x(oc, k, f)
      LEFT JOIN matcher.records r ON r.organisation_code = x.oc AND r.record = x.f AND x.k IN ('display-ends', 'term-ends')
      LEFT JOIN matcher.objections o ON o.organisation_code = x.oc AND x.k = 'verify-due'
           AND o.objection = regexp_replace(x.f, '[|][a-z]+$', '')
      LEFT JOIN matcher.repairs p ON p.organisation_code = x.oc AND p.repair = x.f AND x.k = 'repair-due'
      LEFT JOIN matcher.holds h ON h.organisation_code = x.oc AND h.hold = x.f AND h.kind = 'shielding' AND x.k = 'shield-ends'
""")
ESCALATE_OBJECTIONS = text("""
    UPDATE matcher.objections o SET escalated = array_append(o.escalated, x.who)
      FROM unnest(CAST(:codes AS text[]), CAST(:numbers AS text[]), CAST(:whos AS text[])) AS x(oc, n, who)
     WHERE o.organisation_code = x.oc AND o.objection = x.n AND NOT x.who = ANY(o.escalated)
""")
ESCALATE_REPAIRS = text("""
    UPDATE matcher.repairs p SET escalated = true
      FROM unnest(CAST(:codes AS text[]), CAST(:numbers AS text[])) AS x(oc, n)
     WHERE p.organisation_code = x.oc AND p.repair = x.n
""")
Due = tuple[str, str, str]  # (organisation code, kind, ref)


async def owners(conn: AsyncConnection, due: Sequence[Due]) -> dict[Due, Key]:
    """The record of each moment that belongs to a record, an objection, an application or a shielding."""
    rows = await conn.execute(
        OWNERS, {"codes": [d[0] for d in due], "kinds": [d[1] for d in due], "refs": [d[2] for d in due]}
    )
    return {(r.oc, r.k, r.f): (r.oc, r.record) for r in rows if r.record}


async def escalate(conn: AsyncConnection, late: Sequence[Due]) -> None:
    """Marks verifications and applications whose day has passed without an answer."""
    verify = [(d[0], *d[2].rsplit("|", 1)) for d in late if d[1] == "verify-due"]
    decide = [d for d in late if d[1] == "repair-due"]
    if verify:
        await conn.execute(
            ESCALATE_OBJECTIONS,
            {"codes": [v[0] for v in verify], "numbers": [v[1] for v in verify], "whos": [v[2] for v in verify]},
        )
    if decide:
        await conn.execute(ESCALATE_REPAIRS, {"codes": [d[0] for d in decide], "numbers": [d[2] for d in decide]})


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
