"""Understands what the doors of a record's life read: accounting, candidates, history."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
FILES = ("0005_doors", "0005_grants")


def upgrade() -> None:
    connection = op.get_bind()
    for name in FILES:
        script = (SQL / f"{name}.sql").read_text(encoding="utf-8")
        await_only(connection.connection.driver_connection.execute(script))  # many statements at once
