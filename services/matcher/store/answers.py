"""Understands how agencies' answers are filed, each with its outcome, those that wait among them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from credithub.db.engine import AsyncConnection, text
from credithub.db.values import as_json
from credithub.domain.notifications import Feedback

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
