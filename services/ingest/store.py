"""Understands what ingest writes: submissions seen and entries quarantined, both insert-or-nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import orjson

from credithub.db.engine import AsyncConnection, text
from credithub.domain.events import SubmittedEntry
from services.ingest.judge import Quarantined

SUBMISSIONS = text("""
    INSERT INTO ingest.submissions AS s
        (submission, supplier, source, form, file_name, file_digest, received_at, entries)
    SELECT sub, sup, so, f, fn, fd, at::timestamptz, n
      FROM unnest(CAST(:submissions AS text[]), CAST(:suppliers AS text[]), CAST(:sources AS text[]), CAST(:forms AS text[]),
                  CAST(:names AS text[]), CAST(:digests AS text[]), CAST(:received AS text[]), CAST(:counts AS int[]))
           AS x(sub, sup, so, f, fn, fd, at, n)
    ON CONFLICT (submission) DO UPDATE SET entries = EXCLUDED.entries
     WHERE s.entries IS NULL AND EXCLUDED.entries IS NOT NULL
""")
QUARANTINE = text("""
    INSERT INTO ingest.quarantine
        (submission, index, "row", source, id, digest, supplier, item, form, received_at, reasons, body)
    SELECT sub, ix, r, so, i, d, sup, it, f, at::timestamptz, rs::jsonb, b::jsonb
      FROM unnest(CAST(:submissions AS text[]), CAST(:indexes AS int[]), CAST(:rows AS int[]), CAST(:sources AS text[]),
                  CAST(:ids AS text[]), CAST(:digests AS text[]), CAST(:suppliers AS text[]), CAST(:items AS text[]),
                  CAST(:forms AS text[]), CAST(:received AS text[]), CAST(:reasons AS text[]), CAST(:bodies AS text[]))
           AS x(sub, ix, r, so, i, d, sup, it, f, at, rs, b)
    ON CONFLICT (submission, index) DO NOTHING
""")


async def submissions(conn: AsyncConnection, entries: Sequence[SubmittedEntry]) -> None:
    """Notes each submission once; the closing manifest of a file brings the number of its entries."""
    seen: dict[str, SubmittedEntry] = {}
    for entry in entries:
        if entry.form == "manifest" or entry.submission not in seen:
            seen[entry.submission] = entry
    found = [seen[name] for name in sorted(seen)]
    await conn.execute(
        SUBMISSIONS,
        {
            "submissions": [e.submission for e in found],
            "suppliers": [e.supplier for e in found],
            "sources": [e.source for e in found],
            "forms": ["event" if e.form == "event" else "row" for e in found],
            "names": [e.file.get("name") if e.file else None for e in found],
            "digests": [e.file.get("digest") if e.file else None for e in found],
            "received": [e.received_at for e in found],
            "counts": [e.count for e in found],
        },
    )


async def quarantine(conn: AsyncConnection, refused: Sequence[Quarantined]) -> None:
    if not refused:
        return
    await conn.execute(
        QUARANTINE,
        {
            "submissions": [q.entry.submission for q in refused],
            "indexes": [q.entry.index for q in refused],
            "rows": [q.entry.row for q in refused],
            "sources": [q.entry.source for q in refused],
            "ids": [q.entry.id for q in refused],
            "digests": [q.entry.digest for q in refused],
            "suppliers": [q.entry.supplier for q in refused],
            "items": [q.item for q in refused],
            "forms": [q.entry.form for q in refused],
            "received": [q.entry.received_at for q in refused],
            "reasons": [orjson.dumps([asdict(reason) for reason in q.reasons]).decode() for q in refused],
            "bodies": [orjson.dumps(q.body).decode() if q.body is not None else None for q in refused],
        },
    )
