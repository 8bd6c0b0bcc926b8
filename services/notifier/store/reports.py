"""Understands the counts that operators look at."""

from __future__ import annotations

from credithub.db.engine import AsyncConnection, text


async def unsettled(conn: AsyncConnection) -> tuple[dict[str, int], float]:
    """Deliveries that have not arrived, by state, and the age in seconds of the oldest that is still tried."""
    rows = await conn.execute(
        text(
            "SELECT state, count(*) AS number, EXTRACT(epoch FROM now() - min(made_at)) AS age"
            " FROM notifier.deliveries WHERE state IN ('due', 'failed', 'in-flight', 'parked') GROUP BY state"
        )
    )
    found = [(str(row.state), int(row.number), float(row.age)) for row in rows]
    tried = [age for state, _, age in found if state != "parked"]
    return {state: number for state, number, _ in found}, max(tried, default=0.0)


async def unpublished(conn: AsyncConnection) -> int:
    """Rows of the outbox that no topic has yet."""
    rows = await conn.execute(text("SELECT count(*) FROM notifier.outbox WHERE NOT published"))
    return int(rows.scalar_one())
