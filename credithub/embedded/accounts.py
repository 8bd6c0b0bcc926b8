"""Understands the Kafka users of the services: their SCRAM credentials and their least rights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from credithub.embedded.passwords import KAFKA_ADMIN, KAFKA_USERS

TABLE = "kafka-acls.json"
ITERATIONS = 8192
TIMEOUT = 20.0
OPERATIONS = {"read": AclOperation.READ, "write": AclOperation.WRITE, "describe": AclOperation.DESCRIBE}


def admin(bootstrap: str, password: str, user: str = KAFKA_ADMIN) -> AdminClient:
    """Of the embedded broker, on its INTERNAL listener."""
    return AdminClient(
        {
            "bootstrap.servers": bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password,
            "socket.timeout.ms": 10_000,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,
        }
    )


def set_users(client: AdminClient, passwords: Mapping[str, str], users: Iterable[str] = KAFKA_USERS) -> None:
    """Gives each user its password; may be run again."""
    info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
    wanted = [UserScramCredentialUpsertion(user, info, passwords[user].encode()) for user in users]
    for future in client.alter_user_scram_credentials(wanted, request_timeout=TIMEOUT).values():
        future.result(TIMEOUT)


def set_rights(client: AdminClient, bindings: Iterable[AclBinding]) -> None:
    """Adds rights; those that exist stay as they are."""
    for future in client.create_acls(list(bindings), request_timeout=TIMEOUT).values():
        future.result(TIMEOUT)


def least_rights(table: str | None = None) -> list[AclBinding]:
    """The table deploy/kafka-acls.json as bindings, for any broker. A name that ends in + means all that begin so."""
    content: dict[str, dict[str, list[str]]] = json.loads(table or table_file().read_text(encoding="utf-8"))
    return [
        binding
        for user, rights in content.items()
        for kind, names in rights.items()
        for name in names
        for binding in _bindings(user, kind, name)
    ]


def all_rights(users: Iterable[str] = KAFKA_USERS) -> list[AclBinding]:
    """For development only: everything below credit. and every group of ours."""
    return [
        _binding(user, kind, name, AclOperation.ALL)
        for user in users
        for kind, name in ((ResourceType.TOPIC, "credit.+"), (ResourceType.GROUP, "credithub-+"))
    ]


def table_file() -> Path:
    """In the checkout, or beside the installed package."""
    package = Path(__file__).resolve().parents[1]
    places = (package.parent / "deploy" / TABLE, package / "_data" / TABLE)
    return next(path for path in places if path.exists())


def _bindings(user: str, kind: str, name: str) -> list[AclBinding]:
    if kind == "groups":
        return [_binding(user, ResourceType.GROUP, name, AclOperation.READ)]
    return [_binding(user, ResourceType.TOPIC, name, OPERATIONS[kind])]


def _binding(user: str, kind: ResourceType, name: str, operation: AclOperation) -> AclBinding:
    prefixed = name.endswith("+")
    pattern = ResourcePatternType.PREFIXED if prefixed else ResourcePatternType.LITERAL
    allow = AclPermissionType.ALLOW
    return AclBinding(kind, name.rstrip("+"), pattern, f"User:{user}", "*", operation, allow)
