"""Understands the hub's database and its roles: who may log in, and with what patience."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import os
from collections.abc import Mapping

import asyncpg

from credithub.embedded.passwords import ROLES

DATABASE = "credithub"
ITERATIONS = 4096  # PostgreSQL's own default
PATIENCE: Mapping[str, str] = {
    "lock_timeout": "30s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}
DASHBOARD: Mapping[str, str] = {"default_transaction_read_only": "on", "statement_timeout": "15s"}


def create_roles(admin_url: str, secrets: Mapping[str, str], database: str = DATABASE) -> None:
    """Makes the database, owned by credithub_owner, and the roles. May be run again: passwords are set anew."""
    asyncio.run(_create(admin_url, secrets, database))


async def _create(admin_url: str, secrets: Mapping[str, str], database: str) -> None:
    connection = await asyncpg.connect(admin_url.replace("+asyncpg", ""), timeout=10)
    try:
        for role in ROLES:
            await _role(connection, role, secrets[role])
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", database):
            await connection.execute(f"CREATE DATABASE {database} OWNER credithub_owner TEMPLATE template0")
        await connection.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
        await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {', '.join(ROLES)}")
    finally:
        await connection.close(timeout=5)


async def _role(connection: asyncpg.Connection[asyncpg.Record], role: str, password: str) -> None:
    if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
        await connection.execute(f"CREATE ROLE {role}")
    await connection.execute(
        f"ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS "
        f"PASSWORD '{verifier(password)}'"
    )
    if role == "credithub_owner":
        return
    for name, value in {**PATIENCE, **(DASHBOARD if role.endswith("_dashboard") else {})}.items():
        await connection.execute(f"ALTER ROLE {role} SET {name} = '{value}'")


def verifier(password: str, salt: bytes | None = None) -> str:
    """What PostgreSQL stores of a SCRAM password, so that the password itself is in no statement or log."""
    salt = salt or os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ITERATIONS)
    stored = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    server = _hmac(salted, b"Server Key")
    return f"SCRAM-SHA-256${ITERATIONS}:{_b64(salt)}${_b64(stored)}:{_b64(server)}"


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.new(key, message, hashlib.sha256).digest()


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
