"""Understands the passwords Kafka and PostgreSQL are given at first start."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

SERVICES = ("gateway", "ingest", "matcher", "notifier")
KAFKA_ADMIN = "credithub-admin"
POSTGRES_ADMIN = "credithub_admin"
KAFKA_USERS = tuple(f"credithub-{name}" for name in SERVICES)
ROLES = ("credithub_owner", *(f"credithub_{name}" for name in SERVICES), "credithub_dashboard")
CONTROLLER = "controller"
EVERYONE = (KAFKA_ADMIN, CONTROLLER, *KAFKA_USERS, POSTGRES_ADMIN, *ROLES)


def passwords(folder: Path) -> Mapping[str, str]:
    """One for each account. Read where they are; what is missing is made, readable by its owner alone."""
    file = folder / "passwords.json"
    known: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    absent = [name for name in EVERYONE if name not in known]
    if absent:
        known |= {name: secrets.token_urlsafe(24) for name in absent}
        private(file, json.dumps(known, indent=1))
    return known


def private(file: Path, text: str) -> None:
    """Writes a file of mode 0600 in one step, so that a reader finds the old one or the new one."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
