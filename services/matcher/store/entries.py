"""Understands transport identity: which entry is new by (source, id), and how each one ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson

from credithub.db.engine import AsyncConnection, text
from credithub.domain.events import CreditEvent
from services.matcher.rules.filing import Filed

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """An entry that the archive already has under the same (source, id)."""

    digest: str
    submission: str
    index: int
    record: str | None
    organisation_code: str | None
    mine: bool  # written by this very transaction


CLAIM = text("""
    INSERT INTO matcher.entries
        (source, id, digest, submission, index, "row", supplier, item, outcome, organisation_code, record, received_at)
    SELECT s, i, d, sub, ix, r, sup, it, o, oc, rec, at::timestamptz
      FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[]), CAST(:digests AS text[]), CAST(:submissions AS text[]),
                  CAST(:indexes AS int[]), CAST(:rows AS int[]), CAST(:suppliers AS text[]), CAST(:items AS text[]),
                  CAST(:outcomes AS text[]), CAST(:codes AS text[]), CAST(:records AS text[]), CAST(:received AS text[]))
           AS x(s, i, d, sub, ix, r, sup, it, o, oc, rec, at)
    ON CONFLICT (source, id) DO NOTHING
""")

KNOWN = text("""
    SELECT e.source, e.id, e.digest, e.submission, e.index AS place, e.record, e.organisation_code,
           e.xmin = pg_current_xact_id()::xid AS mine
      FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS x(source, id)
      JOIN matcher.entries e ON e.source = x.source AND e.id = x.id
""")


async def claim(conn: AsyncConnection, filed: Sequence[Filed]) -> bool:
    """Writes the transport identities. True when all of them are new; the rest is asked with `known`."""
    ordered = sorted(filed, key=lambda f: (f.event.source, f.event.id))
    done = await conn.execute(
        CLAIM,
        {
            "sources": [f.event.source for f in ordered],
            "ids": [f.event.id for f in ordered],
            "digests": [f.event.digest for f in ordered],
            "submissions": [f.event.submission for f in ordered],
            "indexes": [f.event.index for f in ordered],
            "rows": [f.event.row for f in ordered],
            "suppliers": [f.event.supplier for f in ordered],
            "items": [f.event.item for f in ordered],
            "outcomes": ["archived" if f.organisation_code else "waiting-subject" for f in ordered],
            "codes": [f.organisation_code for f in ordered],
            "records": [f.record for f in ordered],
            "received": [f.event.received_at for f in ordered],
        },
    )
    return done.rowcount == len(ordered)


async def known(conn: AsyncConnection, keys: Iterable[Key]) -> dict[Key, Known]:
    wanted = sorted(set(keys))
    rows = await conn.execute(KNOWN, {"sources": [k[0] for k in wanted], "ids": [k[1] for k in wanted]})
    return {
        (r.source, r.id): Known(r.digest, r.submission, r.place, r.record, r.organisation_code, r.mine) for r in rows
    }


REVISE = text("""
    UPDATE matcher.entries e SET outcome = x.o, organisation_code = x.oc, record = x.rec, decided_at = now()
      FROM unnest(CAST(:sources AS text[]), CAST(:ids AS text[]), CAST(:outcomes AS text[]), CAST(:codes AS text[]),
                  CAST(:records AS text[])) AS x(s, i, o, oc, rec)
     WHERE e.source = x.s AND e.id = x.i
""")
FORGET = text("""
    DELETE FROM matcher.entries e USING unnest(CAST(:sources AS text[]), CAST(:ids AS text[])) AS x(s, i)
     WHERE e.source = x.s AND e.id = x.i
""")
REPEATED = text("""
    INSERT INTO matcher.repeats_seen
        (submission, index, "row", source, id, supplier, item, outcome, reasons, record, organisation_code, received_at)
    SELECT sub, ix, r, s, i, sup, it, o, rs::jsonb, rec, oc, at::timestamptz
      FROM unnest(CAST(:submissions AS text[]), CAST(:indexes AS int[]), CAST(:rows AS int[]), CAST(:sources AS text[]),
                  CAST(:ids AS text[]), CAST(:suppliers AS text[]), CAST(:items AS text[]), CAST(:outcomes AS text[]),
                  CAST(:reasons AS text[]), CAST(:records AS text[]), CAST(:codes AS text[]), CAST(:received AS text[]))
           AS x(sub, ix, r, s, i, sup, it, o, rs, rec, oc, at)
    ON CONFLICT (submission, index) DO NOTHING
""")


async def revise(conn: AsyncConnection, changes: Sequence[tuple[CreditEvent, str, str | None, str | None]]) -> None:
    """Sets entries to (outcome, organisation code, record)."""
    if changes:
        await conn.execute(
            REVISE,
            {
                "sources": [c[0].source for c in changes],
                "ids": [c[0].id for c in changes],
                "outcomes": [c[1] for c in changes],
                "codes": [c[2] for c in changes],
                "records": [c[3] for c in changes],
            },
        )


async def forget(conn: AsyncConnection, events: Sequence[CreditEvent]) -> None:
    """Takes back the claim of entries that did not become part of the archive."""
    if events:
        await conn.execute(FORGET, {"sources": [e.source for e in events], "ids": [e.id for e in events]})


async def repeated(
    conn: AsyncConnection, seen: Sequence[tuple[CreditEvent, str, list[dict[str, object]], str | None, str | None]]
) -> None:
    """Files entries that ended as (duplicate | refused, reasons, record, organisation code)."""
    if not seen:
        return
    await conn.execute(
        REPEATED,
        {
            "submissions": [s[0].submission for s in seen],
            "indexes": [s[0].index for s in seen],
            "rows": [s[0].row for s in seen],
            "sources": [s[0].source for s in seen],
            "ids": [s[0].id for s in seen],
            "suppliers": [s[0].supplier for s in seen],
            "items": [s[0].item for s in seen],
            "outcomes": [s[1] for s in seen],
            "reasons": [orjson.dumps(s[2]).decode() for s in seen],
            "records": [s[3] for s in seen],
            "codes": [s[4] for s in seen],
            "received": [s[0].received_at for s in seen],
        },
    )
