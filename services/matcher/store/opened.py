"""Understands what is open about a record: holds, objections, applications, and whose day has passed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TypeVar

import orjson

from credithub.db.engine import AsyncConnection, text
from credithub.db.values import as_json
from services.matcher.rules.records import Held, Hold, JsonObject, Life, Objection, Repair

Key = tuple[str, str]  # (organisation code, record)

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


Holds = dict[Key, dict[Hold, Held]]
Objections = dict[Key, dict[str, Objection]]
Repairs = dict[Key, dict[str, Repair]]


async def of(conn: AsyncConnection, args: Mapping[str, list[str]]) -> tuple[Holds, Objections, Repairs]:
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


TAKEN = text("""
    SELECT x.oc, x.n, coalesce(o.record, p.record) AS record
      FROM unnest(CAST(:codes AS text[]), CAST(:numbers AS text[])) AS x(oc, n)
      LEFT JOIN matcher.objections o ON o.organisation_code = x.oc AND x.n = 'objection:' || o.objection
      LEFT JOIN matcher.repairs p ON p.organisation_code = x.oc AND x.n = 'repair:' || p.repair
""")


async def taken(conn: AsyncConnection, numbers: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Of (organisation code, `objection:<number>` or `repair:<number>`) those that are used, with the record of each."""
    if not numbers:
        return {}
    rows = await conn.execute(TAKEN, {"codes": [n[0] for n in numbers], "numbers": [n[1] for n in numbers]})
    return {(r.oc, r.n): r.record for r in rows if r.record}


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


OWNERS = text("""
    SELECT x.oc, x.k, x.f, coalesce(r.record, o.record, p.record, h.record) AS record
      FROM unnest(CAST(:codes AS text[]), CAST(:kinds AS text[]), CAST(:refs AS text[])) AS x(oc, k, f)
      LEFT JOIN matcher.records r ON r.organisation_code = x.oc AND r.record = x.f AND x.k IN ('display-ends', 'term-ends')
      LEFT JOIN matcher.objections o ON o.organisation_code = x.oc AND x.k = 'verify-due'
           AND o.objection = regexp_replace(x.f, '[|][a-z]+$', '')
      LEFT JOIN matcher.repairs p ON p.organisation_code = x.oc AND p.repair = x.f AND x.k = 'repair-due'
      LEFT JOIN matcher.records h ON h.organisation_code = x.oc AND h.record = split_part(x.f, '|', 1) AND x.k = 'shield-ends'
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


OVERTAKE = text("""
    UPDATE matcher.repairs p SET state = 'overtaken'
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
     WHERE p.organisation_code = x.oc AND p.record = x.rec AND p.state = 'applied' RETURNING p.organisation_code, p.repair
""")


async def overtake(conn: AsyncConnection, records: Sequence[Key]) -> list[Due]:
    """Applications of records that have ended otherwise; gives the moments that fall due no more."""
    rows = await conn.execute(OVERTAKE, {"codes": [r[0] for r in records], "records": [r[1] for r in records]})
    return [(r.organisation_code, "repair-due", r.repair) for r in rows]


def _json(value: object) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
