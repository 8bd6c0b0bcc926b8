"""Understands the figures of what is late: who still holds, what is overdue, which moments nobody has worked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from credithub.db.engine import AsyncConnection, text

FIGURES = text("""
    SELECT h.n AS holding, h.since, o.n AS overdue, m.n AS moments, m.first
      FROM (SELECT count(*) AS n, min(since) AS since FROM hub.still_holding_v) h,
           (SELECT count(*) AS n FROM matcher.obligations
             WHERE overdue AND state IN ('triggered', 'delivered', 'acknowledged')) o,
           (SELECT count(*) AS n, min(fires_on) AS first FROM matcher.moments WHERE fires_on <= :today) m
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    holding: int
    holding_hours: float  # of the agency that has held longest
    overdue: int
    moments: int
    lag_days: int  # of the moment that has waited longest


async def figures(conn: AsyncConnection, now: datetime, today: date) -> Figures:
    row = (await conn.execute(FIGURES, {"today": today})).one()
    return Figures(
        holding=row.holding,
        holding_hours=(now - row.since).total_seconds() / 3600 if row.since else 0.0,
        overdue=row.overdue,
        moments=row.moments,
        lag_days=(today - row.first).days if row.first else 0,
    )
