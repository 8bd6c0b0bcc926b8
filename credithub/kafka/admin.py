"""Understands Kafka's own registry: topics, SCRAM users and who may do what; the only door to its administration."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Literal, TypeAlias, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from credithub.errors import Unavailable
from credithub.kafka.connection import confluent_options
from credithub.settings import Settings
from credithub.topics import HUB_TOPICS, Topic

SECONDS = 15.0  # for one request
# Kafka 4.4.0 forgets every user when it starts, if of those in its metadata log the one that it comes to first has been
# taken away (ScramDelta.apply). It goes through them by Java's hash of the name, which is 0 for this one: it comes first
# and stays. It has no rights, and a password that nobody knows.
FIRST_USER = "credithub-first-fvrnxwy"
Result = TypeVar("Result")
Kind: TypeAlias = Literal["topic", "group"]
Operation: TypeAlias = Literal["READ", "WRITE", "DESCRIBE"]
KINDS: Mapping[str, ResourceType] = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Right:
    """What one user may do. A prefixed name stands for all that begin so. `operation` of others' may be any word."""

    user: str
    kind: str
    name: str
    operation: str
    prefixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A SCRAM-SHA-512 user to be. The broker is told salt and salted password, never the password."""

    name: str
    password: bytes
    iterations: int
    salt: bytes | None = None


class KafkaAdmin:
    """Acts with the administrator's account, or with the service's own, which can look at some topics only.

    Raises Unavailable for anything the broker refuses or does not answer.
    """

    def __init__(self, settings: Settings, *, admin: bool = True) -> None:
        self._client = AdminClient(confluent_options(settings, admin=admin))
        self._partitions = settings.partitions
        self._replication = settings.kafka_replication

    async def topics(self) -> frozenset[str]:
        """Names of all topics there are."""
        return frozenset((await _asked(lambda: self._client.list_topics(timeout=SECONDS))).topics)

    async def make_topics(self, topics: Iterable[Topic]) -> int:
        """Makes those that are missing, and brings the settings of the others in line. Gives how many were made.

        The number of partitions of a topic that exists is never changed: keys would change their place.
        """
        wanted = {topic.name: topic for topic in topics}
        there = await self.topics() & wanted.keys()
        missing = [topic for name, topic in wanted.items() if name not in there]
        made = await self._create(missing) if missing else 0
        if there:
            await self._align([wanted[name] for name in sorted(there)])
        return made

    async def users(self) -> frozenset[str]:
        """Names of all SCRAM users."""
        return frozenset(await _done(lambda: self._client.describe_user_scram_credentials(request_timeout=SECONDS)))

    async def set_users(self, users: Sequence[User]) -> None:
        """Makes each user, or gives it the new password."""
        await self._alter(
            [
                UserScramCredentialUpsertion(user.name, _scram(user.iterations), user.password, user.salt)
                for user in users
            ]
        )

    async def drop_users(self, names: Iterable[str]) -> None:
        """Takes the users away; those that are not there are no matter."""
        gone = sorted(set(names))
        if gone:
            await self.set_users([User(name=FIRST_USER, password=secrets.token_bytes(32), iterations=4096)])
        await self._alter([UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_512) for name in gone])

    async def rights(self) -> frozenset[Right]:
        """All rights that are granted on topics, groups and anything else."""
        found = await _done(lambda: self._client.describe_acls(_any(), request_timeout=SECONDS))
        return frozenset(_right(binding) for binding in found if binding.permission_type is AclPermissionType.ALLOW)

    async def grant(self, rights: Iterable[Right]) -> None:
        bindings = [_binding(right) for right in sorted(rights)]
        if bindings:
            await _all_done(lambda: self._client.create_acls(bindings, request_timeout=SECONDS))

    async def withdraw(self, users: Iterable[str]) -> None:
        """Takes every right of these users."""
        filters = [_any(f"User:{user}") for user in sorted(set(users))]
        if filters:
            await _all_done(lambda: self._client.delete_acls(filters, request_timeout=SECONDS))

    async def revoke(self, rights: Iterable[Right]) -> None:
        """Takes these rights only."""
        filters = [_filter(right) for right in sorted(rights)]
        if filters:
            await _all_done(lambda: self._client.delete_acls(filters, request_timeout=SECONDS))

    async def _create(self, missing: Sequence[Topic]) -> int:
        safe = {"min.insync.replicas": "2"} if self._replication >= 3 else {}
        new = [
            NewTopic(
                topic.name,
                num_partitions=1 if topic.one_partition else self._partitions,
                replication_factor=self._replication,
                config={**topic.config(), **safe},
            )
            for topic in missing
        ]
        made = await _all_done(
            lambda: self._client.create_topics(new, operation_timeout=SECONDS, request_timeout=SECONDS),
            fine=KafkaError.TOPIC_ALREADY_EXISTS,
        )
        return len(made)

    async def _align(self, there: Sequence[Topic]) -> None:
        """Sets what differs; a setting of which the table says nothing is left to the operator."""
        asked = [ConfigResource(ResourceType.TOPIC, topic.name) for topic in there]
        found = await _all_done(lambda: self._client.describe_configs(asked, request_timeout=SECONDS))
        now = {resource.name: entries for resource, entries in found.items()}
        changes = [
            ConfigResource(
                ResourceType.TOPIC,
                topic.name,
                incremental_configs=[
                    ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                    for name, value in differing.items()
                ],
            )
            for topic in there
            if (differing := _differing(topic, now.get(topic.name, {})))
        ]
        if changes:
            await _all_done(lambda: self._client.incremental_alter_configs(changes, request_timeout=SECONDS))

    async def _alter(self, changes: Sequence[UserScramCredentialUpsertion | UserScramCredentialDeletion]) -> None:
        if changes:
            await _all_done(
                lambda: self._client.alter_user_scram_credentials(changes, request_timeout=SECONDS),
                fine=KafkaError.RESOURCE_NOT_FOUND,
            )


async def ensure_hub_topics(settings: Settings) -> int:
    """Makes the hub's own topics from the table in credithub.topics; gives how many were missing."""
    return await KafkaAdmin(settings).make_topics(HUB_TOPICS.values())


def _differing(topic: Topic, now: Mapping[str, ConfigEntry]) -> dict[str, str]:
    return {name: value for name, value in topic.config().items() if name not in now or now[name].value != value}


def _scram(iterations: int) -> ScramCredentialInfo:
    return ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, iterations)


def _any(principal: str | None = None) -> AclBindingFilter:
    return AclBindingFilter(
        ResourceType.ANY, None, ResourcePatternType.ANY, principal, None, AclOperation.ANY, AclPermissionType.ANY
    )


def _filter(right: Right) -> AclBindingFilter:
    return AclBindingFilter(
        ResourceType[right.kind.upper()], right.name, _pattern(right), f"User:{right.user}", None,
        AclOperation[right.operation], AclPermissionType.ALLOW,
    )  # fmt: skip


def _binding(right: Right) -> AclBinding:
    return AclBinding(
        KINDS[right.kind], right.name, _pattern(right), f"User:{right.user}", "*",
        AclOperation[right.operation], AclPermissionType.ALLOW,
    )  # fmt: skip


def _pattern(right: Right) -> ResourcePatternType:
    return ResourcePatternType.PREFIXED if right.prefixed else ResourcePatternType.LITERAL


def _right(binding: AclBinding) -> Right:
    return Right(
        user=binding.principal.removeprefix("User:"),
        kind=binding.restype.name.lower(),
        name=binding.name,
        operation=binding.operation.name,
        prefixed=binding.resource_pattern_type is ResourcePatternType.PREFIXED,
    )


async def _asked(ask: Callable[[], Result]) -> Result:
    """librdkafka's calls block or give futures of threads, so each runs beside the loop."""
    try:
        return await asyncio.to_thread(ask)
    except (KafkaException, TimeoutError) as problem:
        raise Unavailable(f"Kafka: {problem}") from problem


async def _done(ask: Callable[[], Future[Result]]) -> Result:
    return await _asked(lambda: ask().result(SECONDS + 5))


Name = TypeVar("Name")


async def _all_done(ask: Callable[[], Mapping[Name, Future[Result]]], *, fine: int | None = None) -> dict[Name, Result]:
    """The results by name. An error of code `fine` means that it was so already: that name is left out."""

    def wait() -> dict[Name, Result]:
        results: dict[Name, Result] = {}
        for name, future in ask().items():
            try:
                results[name] = future.result(SECONDS + 5)
            except KafkaException as problem:
                if problem.args[0].code() != fine:
                    raise
        return results

    return await _asked(wait)
