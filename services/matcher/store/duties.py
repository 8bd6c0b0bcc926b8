"""Understands how cases, obligations and answers are written and read: one statement a table for a whole batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import RowMapping

from credithub.db.engine import AsyncConnection, text
from credithub.db.values import as_json
from credithub.domain.notifications import Feedback
from services.matcher.rules.moves import JsonObject, Obligation

CASES = text("""
    INSERT INTO matcher.cases (organisation_code, case_id, record, item)
    SELECT oc, c, r, i FROM unnest(CAST(:codes AS text[]), CAST(:cases AS text[]), CAST(:records AS text[]),
                                   CAST(:items AS text[])) AS x(oc, c, r, i)
    ON CONFLICT DO NOTHING
""")
CLOSE = text("""
    UPDATE matcher.cases c SET closed_at = now()
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, r)
     WHERE c.organisation_code = x.oc AND c.record = x.r AND c.closed_at IS NULL
""")


async def open_cases(conn: AsyncConnection, cases: Sequence[tuple[str, str, str, str]]) -> None:
    """Opens (organisation code, case, record, item)."""
    if cases:
        args = zip(*cases, strict=True)
        await conn.execute(CASES, dict(zip(("codes", "cases", "records", "items"), map(list, args), strict=True)))


async def close_cases(conn: AsyncConnection, records: Sequence[tuple[str, str]]) -> None:
    """Closes the cases of (organisation code, record); what could not be routed is owed no more."""
    if records:
        args = {"codes": [r[0] for r in records], "records": [r[1] for r in records]}
        await conn.execute(CLOSE, args)
        await conn.execute(UNROUTE_RECORDS, args)


INSERT = text("""
    INSERT INTO matcher.obligations
        (organisation_code, obligation, case_id, record, item, measure, department, agency, round, epoch, version, state,
         suspended, executed, mandatory, due_on, catalogue, explain)
    SELECT oc, o, c, r, i, m, d, a, ro, e, v, s, su, false, ma, du::date, ca, ex::jsonb
      FROM unnest(CAST(:codes AS text[]), CAST(:ids AS text[]), CAST(:cases AS text[]), CAST(:records AS text[]),
                  CAST(:items AS text[]), CAST(:measures AS text[]), CAST(:departments AS text[]), CAST(:agencies AS text[]),
                  CAST(:rounds AS int[]), CAST(:epochs AS int[]), CAST(:versions AS int[]), CAST(:states AS text[]),
                  CAST(:suspended AS boolean[]), CAST(:mandatory AS boolean[]), CAST(:dues AS text[]),
                  CAST(:catalogues AS text[]), CAST(:explains AS text[]))
           AS x(oc, o, c, r, i, m, d, a, ro, e, v, s, su, ma, du, ca, ex)
    ON CONFLICT (organisation_code, obligation) DO NOTHING
""")


async def add(conn: AsyncConnection, obligations: Sequence[Obligation]) -> None:
    if not obligations:
        return
    await conn.execute(
        INSERT,
        {
            "codes": [o.organisation_code for o in obligations],
            "ids": [o.obligation for o in obligations],
            "cases": [o.case_id for o in obligations],
            "records": [o.record for o in obligations],
            "items": [o.item for o in obligations],
            "measures": [o.measure for o in obligations],
            "departments": [o.department for o in obligations],
            "agencies": [o.agency for o in obligations],
            "rounds": [o.round for o in obligations],
            "epochs": [o.epoch for o in obligations],
            "versions": [o.version for o in obligations],
            "states": [o.state for o in obligations],
            "suspended": [o.suspended for o in obligations],
            "mandatory": [o.mandatory for o in obligations],
            "dues": [o.due_on for o in obligations],
            "catalogues": [o.catalogue for o in obligations],
            "explains": [orjson.dumps(o.explain).decode() for o in obligations],
        },
    )


UPDATE = text("""
    UPDATE matcher.obligations o
       SET epoch = x.e, version = x.v, state = x.s, suspended = x.su, executed = x.ex, due_on = x.du::date, answer = x.an,
           reason = x.re, updated_at = now(),
           answered_at = CASE WHEN x.an IS DISTINCT FROM o.answer THEN now() ELSE o.answered_at END,
           ended_at = CASE WHEN x.s = 'lifting' THEN coalesce(o.ended_at, now()) ELSE o.ended_at END
      FROM unnest(CAST(:codes AS text[]), CAST(:ids AS text[]), CAST(:epochs AS int[]), CAST(:versions AS int[]),
                  CAST(:states AS text[]), CAST(:suspended AS boolean[]), CAST(:executed AS boolean[]), CAST(:dues AS text[]),
                  CAST(:answers AS text[]), CAST(:reasons AS text[])) AS x(oc, ob, e, v, s, su, ex, du, an, re)
     WHERE o.organisation_code = x.oc AND o.obligation = x.ob
""")


async def change(conn: AsyncConnection, obligations: Sequence[Obligation]) -> None:
    if not obligations:
        return
    await conn.execute(
        UPDATE,
        {
            "codes": [o.organisation_code for o in obligations],
            "ids": [o.obligation for o in obligations],
            "epochs": [o.epoch for o in obligations],
            "versions": [o.version for o in obligations],
            "states": [o.state for o in obligations],
            "suspended": [o.suspended for o in obligations],
            "executed": [o.executed for o in obligations],
            "dues": [o.due_on for o in obligations],
            "answers": [o.answer for o in obligations],
            "reasons": [o.reason for o in obligations],
        },
    )


COLUMNS = """o.organisation_code, o.obligation, o.case_id, o.record, o.item, o.measure, o.department, o.agency, o.round, o.epoch,
    o.version, o.state, o.suspended, o.executed, o.mandatory, o.due_on::text AS due_on, o.answer, o.reason, o.catalogue,
    o.explain"""
OF_RECORDS = text(f"""
    SELECT {COLUMNS} FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, r)
      JOIN matcher.obligations o ON o.organisation_code = x.oc AND o.record = x.r ORDER BY o.obligation
""")
BY_ID = text(f"SELECT {COLUMNS} FROM matcher.obligations o WHERE o.obligation = ANY(CAST(:ids AS text[]))")
SUBJECTS_OF = text(
    "SELECT DISTINCT organisation_code FROM matcher.obligations WHERE obligation = ANY(CAST(:ids AS text[]))"
)
LOCK = text("""
    SELECT organisation_code FROM matcher.subjects WHERE organisation_code = ANY(CAST(:codes AS text[]))
     ORDER BY organisation_code FOR UPDATE
""")


def _obligation(row: RowMapping) -> Obligation:
    return Obligation(**{**row, "explain": as_json(row["explain"])})


async def of_records(conn: AsyncConnection, records: Iterable[tuple[str, str]]) -> list[Obligation]:
    """The obligations of (organisation code, record); the subjects are locked already."""
    keys = sorted(set(records))
    rows = await conn.execute(OF_RECORDS, {"codes": [k[0] for k in keys], "records": [k[1] for k in keys]})
    return [_obligation(r) for r in rows.mappings()]


async def locked(conn: AsyncConnection, ids: Iterable[str]) -> dict[str, Obligation]:
    """Locks the subjects of these obligations, in order, then reads the obligations."""
    wanted = sorted(set(ids))
    codes = list((await conn.execute(SUBJECTS_OF, {"ids": wanted})).scalars())
    if not codes:
        return {}
    await conn.execute(LOCK, {"codes": sorted(codes)})
    rows = await conn.execute(BY_ID, {"ids": wanted})
    return {r["obligation"]: _obligation(r) for r in rows.mappings()}


# ------------------------------------------------------------------------------------------------ what is told of
ABOUT = text("""
    SELECT r.organisation_code, r.record, r.item, r.kind, r.version, r.document, r.data, s.unified_code, s.name
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
      JOIN matcher.records r ON r.organisation_code = x.oc AND r.record = x.rec
      JOIN matcher.subjects s ON s.organisation_code = x.oc
""")


@dataclass(frozen=True, slots=True)
class About:
    """What a notification tells of a record and its subject, before the measure's grant cuts it."""

    subject: JsonObject
    record: JsonObject
    data: JsonObject


async def about(conn: AsyncConnection, records: Iterable[tuple[str, str]]) -> dict[tuple[str, str], About]:
    keys = sorted(set(records))
    rows = await conn.execute(ABOUT, {"codes": [k[0] for k in keys], "records": [k[1] for k in keys]})
    return {
        (r.organisation_code, r.record): About(
            {"unified_code": r.unified_code, "organisation_code": r.organisation_code, "name": r.name},
            {"id": r.record, "item": r.item, "kind": r.kind, "version": r.version, "document": as_json(r.document)},
            as_json(r.data),
        )
        for r in rows
    }


# ------------------------------------------------------------------------------------------------ without an agency
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
     WHERE s.seat IS NOT NULL AND u.department = ANY(CAST(:departments AS text[])) AND u.organisation_code > :after
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


async def subjects_with_unrouted(conn: AsyncConnection, departments: Iterable[str], after: str) -> list[str]:
    """Up to 500 subjects, with a seat, that have something unrouted for these departments; `after` pages on."""
    rows = await conn.execute(UNROUTED_SUBJECTS, {"departments": sorted(set(departments)), "after": after})
    return list(rows.scalars())


# ------------------------------------------------------------------------------------------------ answers
FEEDBACK = text("""
    INSERT INTO matcher.feedback
        (id, obligation, agency, epoch, version, answer, reason, document, happened_on, via, received_at, outcome, refusal)
    SELECT i, o, a, e, v, an, re, d::jsonb, h::date, vi, at::timestamptz, ou, rf
      FROM unnest(CAST(:ids AS text[]), CAST(:obligations AS text[]), CAST(:agencies AS text[]), CAST(:epochs AS int[]),
                  CAST(:versions AS int[]), CAST(:answers AS text[]), CAST(:reasons AS text[]), CAST(:documents AS text[]),
                  CAST(:happened AS text[]), CAST(:vias AS text[]), CAST(:received AS text[]), CAST(:outcomes AS text[]),
                  CAST(:refusals AS text[])) AS x(i, o, a, e, v, an, re, d, h, vi, at, ou, rf)
    ON CONFLICT (id) DO NOTHING
""")
SEEN = text("SELECT id FROM matcher.feedback WHERE id = ANY(CAST(:ids AS text[]))")
WAITED = text("""
    UPDATE matcher.feedback f SET outcome = x.ou, refusal = x.rf, decided_at = now()
      FROM unnest(CAST(:ids AS text[]), CAST(:outcomes AS text[]), CAST(:refusals AS text[])) AS x(i, ou, rf)
     WHERE f.id = x.i
""")
WAITING = text("""
    SELECT id, agency, obligation, epoch, version, answer, reason, document, happened_on::text AS happened_on,
           received_at::text AS received_at, via
      FROM matcher.feedback WHERE outcome = 'waiting' AND obligation = ANY(CAST(:ids AS text[])) ORDER BY received_at, id
""")


async def seen(conn: AsyncConnection, ids: Iterable[str]) -> set[str]:
    """Which answers were decided before: the same one twice has one effect."""
    return set((await conn.execute(SEEN, {"ids": sorted(set(ids))})).scalars())


async def file_feedback(conn: AsyncConnection, rows: Sequence[tuple[Feedback, str, str | None]]) -> None:
    """Files answers with their outcome: (answer, accepted | refused | waiting, refusal)."""
    if not rows:
        return
    await conn.execute(
        FEEDBACK,
        {
            "ids": [r[0].id for r in rows],
            "obligations": [r[0].obligation for r in rows],
            "agencies": [r[0].agency for r in rows],
            "epochs": [r[0].epoch for r in rows],
            "versions": [r[0].version for r in rows],
            "answers": [r[0].answer for r in rows],
            "reasons": [r[0].reason for r in rows],
            "documents": [orjson.dumps(r[0].document).decode() if r[0].document else None for r in rows],
            "happened": [r[0].happened_on for r in rows],
            "vias": [r[0].via for r in rows],
            "received": [r[0].received_at for r in rows],
            "outcomes": [r[1] for r in rows],
            "refusals": [r[2] for r in rows],
        },
    )


async def waiting_answers(conn: AsyncConnection, obligations: Iterable[str]) -> list[Feedback]:
    """Answers that came before their obligation was known (interleavings 33)."""
    rows = await conn.execute(WAITING, {"ids": sorted(set(obligations))})
    return [Feedback(**{**r, "document": as_json(r["document"])}) for r in rows.mappings()]


async def decided(conn: AsyncConnection, rows: Sequence[tuple[str, str, str | None]]) -> None:
    """Closes answers that had waited: (id, accepted | refused, refusal)."""
    if rows:
        await conn.execute(
            WAITED, {"ids": [r[0] for r in rows], "outcomes": [r[1] for r in rows], "refusals": [r[2] for r in rows]}
        )
