"""Understands that an agency's feed answers as fast with ten thousand waiting as with ten."""

from __future__ import annotations

from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SQL = Path(__file__).resolve().parent.parent / "sql"
FILES = ("0007_pull",)


def upgrade() -> None:
    connection = op.get_bind()
    for name in FILES:
        script = (SQL / f"{name}.sql").read_text(encoding="utf-8")
        await_only(connection.connection.driver_connection.execute(script))  # many statements at once
