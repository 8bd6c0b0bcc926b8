"""Understands how a database gets its shape: the migrations, run by the owner's role before the services start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from credithub.errors import ConfigurationError

HERE = Path(__file__).resolve().parent
PLACES = (HERE.parent.parent / "deploy" / "migrations", HERE.parent / "_data" / "migrations")
TABLE = "schema_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgraded:
    """From which revision to which; no `before` where the database was new."""

    before: str | None
    after: str

    def __str__(self) -> str:
        if self.before in (None, self.after):
            return self.after
        return f"{self.before} → {self.after}"


def migrations() -> Path:
    """The folder of migrations, in a checkout or in an installed wheel."""
    return next(place for place in PLACES if (place / "env.py").exists())


def revisions() -> tuple[str, ...]:
    """All that this program knows, newest first."""
    return tuple(script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions())


async def upgrade(database_url: str, to: str = "head") -> Upgraded:
    """Brings the database to the newest revision; one at a time, others wait. Roles must exist already.

    All of it or nothing. A database that a newer program has had is a ConfigurationError, and left as it is.
    """
    engine = create_async_engine(database_url)
    try:
        async with engine.begin() as conn:
            await conn.exec_driver_sql("SELECT pg_advisory_xact_lock(4215)")
            return await conn.run_sync(_upgrade, to)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, to: str) -> Upgraded:
    before, known = _revision(connection), revisions()
    if before is not None and before not in known:
        raise ConfigurationError(
            f"数据目录属于更新的版本（修订 {before}，本程序至 {known[0]}），未作改动：请升级程序"
            f" / these data are of a newer version (revision {before}, this program knows {known[0]}); nothing was"
            " changed: upgrade the program"
        )
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    return Upgraded(before=before, after=_revision(connection) or "")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection, opts={"version_table": TABLE}).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(migrations()))
    return config
