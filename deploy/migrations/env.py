"""Understands how alembic reaches the database: through the URL that its caller set."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool

config = context.config
connection = config.attributes.get("connection")

if connection is None:
    engine = create_engine(config.get_main_option("sqlalchemy.url") or "", poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, version_table="schema_version")
        with context.begin_transaction():
            context.run_migrations()
else:
    context.configure(connection=connection, version_table="schema_version")
    with context.begin_transaction():
        context.run_migrations()
