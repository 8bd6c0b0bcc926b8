"""Understands what the whole hub goes by: the business date and the epoch."""

from __future__ import annotations

from services.gateway.store.database import Database, Row


async def business_date(database: Database) -> Row:
    """The date in China by the business clock, and the epoch."""
    found = await database.row(
        "SELECT ((now() + c.ahead) AT TIME ZONE 'Asia/Shanghai')::date AS today, e.epoch FROM hub.clock c, hub.epoch e"
    )
    assert found is not None, "hub.clock and hub.epoch have one row each"
    return found
