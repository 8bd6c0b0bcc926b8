"""Understands how cases and obligations are written and read: one statement a table for a whole batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import RowMapping

from credithub.db.engine import AsyncConnection, text
from credithub.db.values import as_json
from services.matcher.rules.moves import JsonObject, Obligation

Key = tuple[str, str]  # (organisation code, record)

CASES = text("""
    INSERT INTO matcher.cases (organisation_code, case_id, record, item, opened_at)
    SELECT oc, c, r, i, CAST(:at AS timestamptz) FROM unnest(
        CAST(:codes AS text[]), CAST(:cases AS text[]), CAST(:records AS text[]), CAST(:items AS text[])) AS x(oc, c, r, i)
    ON CONFLICT DO NOTHING
""")
CLOSE = text("""
    UPDATE matcher.cases c SET closed_at = CAST(:at AS timestamptz)
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, r)
     WHERE c.organisation_code = x.oc AND c.record = x.r AND c.closed_at IS NULL
""")


async def open_cases(conn: AsyncConnection, cases: Sequence[tuple[str, str, str, str]], at: datetime) -> None:
    """Opens (organisation code, case, record, item)."""
    if cases:
        args = zip(*cases, strict=True)
        named = dict(zip(("codes", "cases", "records", "items"), map(list, args), strict=True))
        await conn.execute(CASES, {**named, "at": at})


async def close_cases(conn: AsyncConnection, records: Sequence[Key], at: datetime) -> None:
    """Closes the cases of these records."""
    if records:
        await conn.execute(CLOSE, {"codes": [r[0] for r in records], "records": [r[1] for r in records], "at": at})


# ------------------------------------------------------------------------------------------------ obligations
# Column: (type of the array that carries it, type of the column where that is another).
FIXED: Mapping[str, tuple[str, str]] = {
    "case_id": ("text", ""), "record": ("text", ""), "item": ("text", ""), "measure": ("text", ""),
    "department": ("text", ""), "agency": ("text", ""), "round": ("int", ""), "mandatory": ("boolean", ""),
    "catalogue": ("text", ""), "explain": ("text", "jsonb"), "term_until": ("text", "date"), "scope": ("text", ""),
}  # fmt: skip
MOVING: Mapping[str, tuple[str, str]] = {
    "epoch": ("int", ""), "version": ("int", ""), "state": ("text", ""), "suspended": ("boolean", ""),
    "executed": ("boolean", ""), "due_on": ("text", "date"), "answer": ("text", ""), "reason": ("text", ""),
    "overdue": ("boolean", ""), "confirmed": ("boolean", ""), "suspended_at": ("timestamptz", ""),
    "delivered_at": ("timestamptz", ""), "acknowledged_at": ("timestamptz", ""), "executed_at": ("timestamptz", ""),
    "declined_at": ("timestamptz", ""), "lifted_at": ("timestamptz", ""), "reminded": ("int", ""),
    "escalated": ("int", ""), "lift_reason": ("text", "jsonb"),
}  # fmt: skip
KEY: Mapping[str, tuple[str, str]] = {"organisation_code": ("text", ""), "obligation": ("text", "")}
AT_FIRST = ("epoch", "version", "state", "suspended", "executed", "due_on", "confirmed", "suspended_at")
NEW = {**KEY, **FIXED, **{name: MOVING[name] for name in AT_FIRST}}
CHANGED = {**KEY, **MOVING}


def _rows(columns: Mapping[str, tuple[str, str]]) -> str:
    arrays = ", ".join(f"CAST(:{name} AS {kind}[])" for name, (kind, _) in columns.items())
    return f"unnest({arrays}) AS x({', '.join(columns)})"


def _value(name: str, kind: str) -> str:
    return f"x.{name}::{kind}" if kind else f"x.{name}"


AT = "CAST(:at AS timestamptz)"
INSERT = text(f"""
    INSERT INTO matcher.obligations ({", ".join(NEW)}, created_at, updated_at)
    SELECT {", ".join(_value(name, kind) for name, (_, kind) in NEW.items())}, {AT}, {AT} FROM {_rows(NEW)}
    ON CONFLICT (organisation_code, obligation) DO NOTHING
""")
UPDATE = text(f"""
    UPDATE matcher.obligations o
       SET {", ".join(f"{name} = {_value(name, kind)}" for name, (_, kind) in MOVING.items())}, updated_at = {AT},
           answered_at = CASE WHEN x.answer IS DISTINCT FROM o.answer THEN {AT} ELSE o.answered_at END,
           ended_at = CASE WHEN x.state IN ('lifting', 'lifted') THEN coalesce(o.ended_at, {AT}) ELSE o.ended_at END
      FROM {_rows(CHANGED)}
     WHERE o.organisation_code = x.organisation_code AND o.obligation = x.obligation
""")
AS_JSON = ("explain", "lift_reason")


def _arrays(obligations: Sequence[Obligation], names: Iterable[str]) -> dict[str, object]:
    return {name: [_written(name, getattr(o, name)) for o in obligations] for name in names}


def _written(name: str, value: object) -> object:
    return orjson.dumps(value).decode() if name in AS_JSON and value is not None else value


async def add(conn: AsyncConnection, obligations: Sequence[Obligation], at: datetime) -> None:
    if obligations:
        await conn.execute(INSERT, {**_arrays(obligations, NEW), "at": at})


async def change(conn: AsyncConnection, obligations: Sequence[Obligation], at: datetime) -> None:
    if obligations:
        await conn.execute(UPDATE, {**_arrays(obligations, CHANGED), "at": at})


COLUMNS = ", ".join(
    f"o.{name}::text AS {name}" if kind == "date" else f"o.{name}"
    for name, (_, kind) in {**KEY, **FIXED, **MOVING}.items()
)
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


def obligation_of(row: RowMapping) -> Obligation:
    return Obligation(**{**row, **{name: as_json(row[name]) for name in AS_JSON}})


async def of_records(conn: AsyncConnection, records: Iterable[Key]) -> list[Obligation]:
    """The obligations of these records; the subjects are locked already."""
    keys = sorted(set(records))
    rows = await conn.execute(OF_RECORDS, {"codes": [k[0] for k in keys], "records": [k[1] for k in keys]})
    return [obligation_of(r) for r in rows.mappings()]


async def lock(conn: AsyncConnection, codes: Iterable[str]) -> None:
    """Locks subjects, in order."""
    await conn.execute(LOCK, {"codes": sorted(set(codes))})


async def locked(conn: AsyncConnection, ids: Iterable[str]) -> dict[str, Obligation]:
    """Locks the subjects of these obligations, in order, then reads the obligations."""
    wanted = sorted(set(ids))
    codes = list((await conn.execute(SUBJECTS_OF, {"ids": wanted})).scalars())
    if not codes:
        return {}
    await lock(conn, codes)
    return await by_id(conn, wanted)


async def by_id(conn: AsyncConnection, ids: Iterable[str]) -> dict[str, Obligation]:
    """The obligations of these ids; their subjects are locked already."""
    rows = await conn.execute(BY_ID, {"ids": sorted(set(ids))})
    return {r["obligation"]: obligation_of(r) for r in rows.mappings()}


STILL_HELD = text("SELECT obligation FROM hub.still_holding_v WHERE obligation = ANY(CAST(:ids AS text[]))")


async def still_held(conn: AsyncConnection, ids: Iterable[str]) -> set[str]:
    """Of these, the obligations of which the notifier ever began to tell their agency, and that it has not let go."""
    wanted = sorted(set(ids))
    return set((await conn.execute(STILL_HELD, {"ids": wanted})).scalars()) if wanted else set()


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


async def about(conn: AsyncConnection, records: Iterable[Key]) -> dict[Key, About]:
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
