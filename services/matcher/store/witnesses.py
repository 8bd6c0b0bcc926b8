"""Understands how the same fact from another source is kept: a witness, or a conflict to settle (law 2)."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from credithub.db.engine import AsyncConnection, text
from services.matcher.rules.filing import Filed

HEARD = text("""
    INSERT INTO matcher.witnesses
        (organisation_code, record, supplier, source, id, content, agrees, document, data, seen_at)
    SELECT DISTINCT ON (oc, rec, sup) oc, rec, sup, s, i, c, ag, doc::jsonb, dat::jsonb, at::timestamptz
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[]), CAST(:suppliers AS text[]), CAST(:sources AS text[]),
                  CAST(:ids AS text[]), CAST(:contents AS text[]), CAST(:agrees AS boolean[]), CAST(:documents AS text[]),
                  CAST(:data AS text[]), CAST(:at AS text[])) WITH ORDINALITY
           AS x(oc, rec, sup, s, i, c, ag, doc, dat, at, n)
     ORDER BY oc, rec, sup, n DESC
    ON CONFLICT (organisation_code, record, supplier) DO UPDATE
        SET source = EXCLUDED.source, id = EXCLUDED.id, content = EXCLUDED.content, agrees = EXCLUDED.agrees,
            document = EXCLUDED.document, data = EXCLUDED.data, seen_at = EXCLUDED.seen_at,
            settled_at = CASE WHEN EXCLUDED.agrees THEN EXCLUDED.seen_at END,
            settled_by = CASE WHEN EXCLUDED.agrees THEN EXCLUDED.supplier END
""")
DIFFER = text("""
    UPDATE matcher.records r SET in_conflict = EXISTS (
           SELECT FROM matcher.witnesses w WHERE w.organisation_code = r.organisation_code AND w.record = r.record
              AND NOT w.agrees AND w.settled_at IS NULL)
      FROM unnest(CAST(:codes AS text[]), CAST(:records AS text[])) AS x(oc, rec)
     WHERE r.organisation_code = x.oc AND r.record = x.rec
""")


async def heard(conn: AsyncConnection, said: Sequence[tuple[Filed, bool]]) -> None:
    """Keeps what other sources said of a record: (event, whether it says the same)."""
    if not said:
        return
    keys = {"codes": [f.organisation_code for f, _ in said], "records": [f.record for f, _ in said]}
    await conn.execute(
        HEARD,
        {
            **keys,
            "suppliers": [f.event.supplier for f, _ in said],
            "sources": [f.event.source for f, _ in said],
            "ids": [f.event.id for f, _ in said],
            "contents": [f.event.content for f, _ in said],
            "agrees": [agrees for _, agrees in said],
            "documents": [orjson.dumps(f.event.document).decode() for f, _ in said],
            "data": [orjson.dumps(f.event.data).decode() for f, _ in said],
            "at": [f.event.received_at for f, _ in said],
        },
    )
    await conn.execute(DIFFER, keys)
