"""Understands what keeping needs: retention, and what a restore must know."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
FILES = ("0004_keeping", "0004_grants")


def upgrade() -> None:
    connection = op.get_bind()
    for name in FILES:
        script = (SQL / f"{name}.sql").read_text(encoding="utf-8")
        await_only(connection.connection.driver_connection.execute(script))  # many statements at once
