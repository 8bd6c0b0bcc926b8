"""Understands the Kafka users of the services: their passwords and their least rights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from credithub.embedded.passwords import KAFKA_USERS
from credithub.kafka.admin import KafkaAdmin, Right, User
from credithub.settings import Settings

TABLE = "kafka-acls.json"
ITERATIONS = 8192


async def set_up(admin: Settings, passwords: Mapping[str, str], rights: Iterable[Right]) -> None:
    """Gives each service's user its password and the rights; may be run again."""
    client = KafkaAdmin(admin)
    await client.set_users(
        [User(name=user, password=passwords[user].encode(), iterations=ITERATIONS) for user in KAFKA_USERS]
    )
    await client.grant(rights)


def least_rights(table: str | None = None) -> list[Right]:
    """The table deploy/kafka-acls.json, for any broker. A name that ends in + means all that begin so."""
    content: dict[str, dict[str, list[str]]] = json.loads(table or table_file().read_text(encoding="utf-8"))
    return [
        _right(user, kind, name) for user, rights in content.items() for kind, names in rights.items() for name in names
    ]


def all_rights(users: Iterable[str] = KAFKA_USERS) -> list[Right]:
    """For development only: everything below credit. and every group of ours."""
    places = (("topic", "credit."), ("group", "credithub-"))
    return [
        Right(user=user, kind=kind, name=name, operation="ALL", prefixed=True)
        for user in users
        for kind, name in places
    ]


def table_file() -> Path:
    """In the checkout, or beside the installed package."""
    package = Path(__file__).resolve().parents[1]
    places = (package.parent / "deploy" / TABLE, package / "_data" / TABLE)
    return next(path for path in places if path.exists())


def _right(user: str, kind: str, name: str) -> Right:
    return Right(
        user=user,
        kind="group" if kind == "groups" else "topic",
        name=name.rstrip("+"),
        operation="READ" if kind == "groups" else kind.upper(),
        prefixed=name.endswith("+"),
    )
