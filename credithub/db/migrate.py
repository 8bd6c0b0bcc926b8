"""Understands how a database gets its shape: the migrations, run by the owner's role before the services start."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

HERE = Path(__file__).resolve().parent
PLACES = (HERE.parent.parent / "deploy" / "migrations", HERE.parent / "_data" / "migrations")


def migrations() -> Path:
    """The folder of migrations, in a checkout or in an installed wheel."""
    return next(place for place in PLACES if (place / "env.py").exists())


async def upgrade(database_url: str) -> None:
    """Brings the database to the newest revision; one at a time, others wait. Roles must exist already."""
    engine = create_async_engine(database_url)
    try:
        async with engine.begin() as conn:
            await conn.exec_driver_sql("SELECT pg_advisory_xact_lock(4215)")
            await conn.run_sync(_upgrade)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations()))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
