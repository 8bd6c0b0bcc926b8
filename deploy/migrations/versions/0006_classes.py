"""Understands the sixth revision: what a subject is part of, by which notices of its records are routed."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
FILES = ("0006_classes", "0006_grants")


def upgrade() -> None:
    connection = op.get_bind()
    for name in FILES:
        script = (SQL / f"{name}.sql").read_text(encoding="utf-8")
        await_only(connection.connection.driver_connection.execute(script))  # many statements at once
