"""Understands how subjects are created and locked, and how places in their order are handed out."""

from __future__ import annotations

from credithub.db.engine import AsyncConnection, text
from services.matcher.rules.filing import Subject

SUBJECTS = text("""
    INSERT INTO matcher.subjects AS s (organisation_code, unified_code, name, seq)
    SELECT c, u, n, k FROM unnest(CAST(:codes AS text[]), CAST(:unified AS text[]), CAST(:names AS text[]),
                                  CAST(:counts AS bigint[])) AS x(c, u, n, k)
    ON CONFLICT (organisation_code) DO UPDATE
        SET seq = s.seq + EXCLUDED.seq, unified_code = coalesce(s.unified_code, EXCLUDED.unified_code),
            name = coalesce(s.name, EXCLUDED.name)
    RETURNING organisation_code, unified_code, name, kind, seat, status, seq, class AS subject_class, superior
""")


async def lock_subjects(
    conn: AsyncConnection, wanted: dict[str, tuple[str | None, str | None, int]]
) -> dict[str, Subject]:
    """Creates and locks subjects in the order of their code, and hands out `count` places in each one's order.

    `wanted` gives, for each organisation code, (unified code, name, count). `seq` is the last place handed out.
    """
    codes = sorted(wanted)
    rows = await conn.execute(
        SUBJECTS,
        {
            "codes": codes,
            "unified": [wanted[c][0] for c in codes],
            "names": [wanted[c][1] for c in codes],
            "counts": [wanted[c][2] for c in codes],
        },
    )
    return {
        r.organisation_code: Subject(
            organisation_code=r.organisation_code, unified_code=r.unified_code, name=r.name, kind=r.kind, seat=r.seat,
            status=r.status, seq=r.seq, subject_class=r.subject_class, superior=r.superior,
        )
        for r in rows
    }  # fmt: skip
