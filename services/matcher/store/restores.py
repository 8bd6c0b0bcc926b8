"""Understands which obligations stand below what their agencies may have been told before a restore."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from credithub.db.engine import AsyncConnection, text

ABOVE = text("""
    SELECT o.obligation FROM notifier.evidence_v e
      JOIN matcher.obligations o ON o.obligation = e.obligation AND o.agency = e.agency
     WHERE (e.above_epoch, e.above_version) > (o.epoch, o.version)
       AND (CAST(:among AS text[]) IS NULL OR o.obligation = ANY(CAST(:among AS text[])))
     ORDER BY o.organisation_code, o.obligation LIMIT :most
""")
WAITING = text("SELECT EXISTS (SELECT FROM matcher.moments WHERE fires_on <= :today)")


async def above(conn: AsyncConnection, most: int, among: Sequence[str] | None = None) -> list[str]:
    """Obligations of which the notifier has met a version of a timeline that was cut off (interleavings 36)."""
    args = {"most": most, "among": None if among is None else list(among)}
    return list((await conn.execute(ABOVE, args)).scalars())


async def clock_is_behind(conn: AsyncConnection, today: date) -> bool:
    """Whether moments have come that nobody has worked yet."""
    return bool((await conn.execute(WAITING, {"today": today})).scalar_one())
