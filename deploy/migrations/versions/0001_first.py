"""Understands the first shape of the database: one schema a service, from the SQL files beside it."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
FILES = ("hub", "ingest", "matcher", "notifier", "gateway", "zz_grants")


def upgrade() -> None:
    connection = op.get_bind()
    for name in FILES:
        script = (SQL / f"{name}.sql").read_text(encoding="utf-8")
        await_only(connection.connection.driver_connection.execute(script))  # many statements at once
