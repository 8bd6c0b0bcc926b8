"""Understands how Kafka is made to be what the registry says: agencies' topics, users and rights, and no others'."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag

from credithub.crashpoints import crashpoint
from credithub.db.engine import AsyncEngine
from credithub.kafka.admin import KafkaAdmin, Right, User
from credithub.log import logger
from credithub.topics import AGENCY_PREFIX, Topic, agency_topics
from credithub.vault import Vault
from services.notifier.store import registry
from services.notifier.store.connection import transaction
from services.notifier.store.registry import Account, Drift, Wanted

WHOLE_SECONDS = 60.0  # how often Kafka is looked at though the registry has not changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is in Kafka, and which accounts were made by us: user name and fingerprint by agency."""

    topics: frozenset[str]
    users: frozenset[str]
    rights: frozenset[Right]
    made: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What has to be done, in this order; taking away comes first."""

    strip: tuple[str, ...]  # users that lose every right, then themselves
    drop: tuple[str, ...]
    revoke: tuple[Right, ...]
    topics: tuple[Topic, ...]
    users: tuple[Account, ...]
    grant: tuple[Right, ...]

    def __len__(self) -> int:
        return sum(map(len, (self.strip, self.drop, self.revoke, self.topics, self.users, self.grant)))


def rights_of(agency: str, user: str) -> frozenset[Right]:
    """All that an agency's account may do: read its two topics, write its answers, be in groups of its own."""
    rest, ends, feedback = (topic.name for topic in agency_topics(agency))
    topics = [(rest, "READ"), (rest, "DESCRIBE"), (ends, "READ"), (ends, "DESCRIBE")]
    topics += [(feedback, "WRITE"), (feedback, "DESCRIBE")]
    groups = (f"{agency}.", f"{AGENCY_PREFIX}{agency}")
    return frozenset(
        [Right(user=user, kind="topic", name=name, operation=operation) for name, operation in topics]
        + [Right(user=user, kind="group", name=name, operation="READ", prefixed=True) for name in groups]
    )


def plan(wanted: Wanted, found: Found) -> Plan:
    """Compares. Users that are neither in the registry nor made by us are nobody of ours and left alone."""
    in_force = {account.username: account for account in wanted.accounts}
    gone = ({name for name, _ in found.made.values()} | set(wanted.others)) - in_force.keys()
    holders = {right.user for right in found.rights}
    should = frozenset[Right]().union(*(rights_of(one.agency, one.username) for one in wanted.accounts))
    mine = frozenset(right for right in found.rights if right.user in in_force)
    topics = [topic for agency in wanted.agencies for topic in agency_topics(agency)]
    return Plan(
        strip=tuple(sorted(gone & holders)),
        drop=tuple(sorted(gone & found.users)),
        revoke=tuple(sorted(mine - should)),
        topics=tuple(topic for topic in topics if topic.name not in found.topics),
        users=tuple(account for account in wanted.accounts if not _is_made(account, found)),
        grant=tuple(sorted(should - mine)),
    )


def _is_made(account: Account, found: Found) -> bool:
    made = found.made.get(account.agency)
    return account.username in found.users and made == (account.username, account.fingerprint)


def drift_of(todo: Plan, wanted: Wanted) -> list[Drift]:
    """The plan as an operator reads it."""
    agency_of = {account.username: account.agency for account in wanted.accounts}
    drift = [Drift(agency=topic.name, thing="topic", wanted="there", found="missing") for topic in todo.topics]
    drift += [Drift(agency=one.agency, thing="user", wanted=one.username, found="missing or old") for one in todo.users]
    drift += [Drift(agency=name, thing="user", wanted="none", found="there") for name in todo.drop]
    drift += [Drift(agency=name, thing="rights", wanted="none", found="there") for name in todo.strip]
    for right, wish, state in _signed(todo):
        thing = f"{right.operation} {right.kind} {right.name}"
        drift.append(Drift(agency=agency_of.get(right.user, right.user), thing=thing, wanted=wish, found=state))
    return drift


def _signed(todo: Plan) -> Iterable[tuple[Right, str, str]]:
    yield from ((right, "granted", "missing") for right in todo.grant)
    yield from ((right, "none", "granted") for right in todo.revoke)


@dataclass(slots=True)
class Reconciler:
    """Runs when the registry has changed, and now and then besides: others may change Kafka."""

    engine: AsyncEngine
    admin: KafkaAdmin
    vault: Vault
    _seen: str = ""
    _at: float = field(default=-WHOLE_SECONDS)

    async def run_once(self) -> int:
        """Gives the number of things put right. What could not be is in notifier.drift until it is."""
        async with transaction(self.engine) as conn:
            wanted = await registry.wanted(conn)
            made = await registry.made_users(conn)
        if wanted.fingerprint == self._seen and time.monotonic() - self._at < WHOLE_SECONDS:
            return 0
        todo = plan(wanted, await self._look(made))
        if todo:
            await self._write(drift_of(todo, wanted))
            await self._do(todo)
            logger().info("kafka.reconciled", **_counts(todo))
        sealed = [account for account in todo.users if opened(self.vault, account) is None]
        async with transaction(self.engine) as conn:
            await registry.remember_users(conn, [one for one in wanted.accounts if one not in sealed])
            await registry.write_drift(conn, [_unreadable(account) for account in sealed])
        self._seen, self._at = wanted.fingerprint, time.monotonic()
        return len(todo)

    async def _look(self, made: Mapping[str, tuple[str, str]]) -> Found:
        return Found(
            topics=await self.admin.topics(),
            users=await self.admin.users(),
            rights=await self.admin.rights(),
            made=made,
        )

    async def _write(self, drift: list[Drift]) -> None:
        async with transaction(self.engine) as conn:
            await registry.write_drift(conn, drift)

    async def _do(self, todo: Plan) -> None:
        """Rights go before users: an open connection reads nothing more, and ends when it must log in again."""
        await self.admin.withdraw(todo.strip)
        await self.admin.revoke(todo.revoke)
        await self.admin.drop_users(todo.drop)
        crashpoint("notifier.after_revoke_before_topics")
        if todo.topics:
            await self.admin.make_topics(todo.topics)
        crashpoint("notifier.after_topics_before_users")
        await self.admin.set_users(
            [
                User(name=account.username, password=password, iterations=account.iterations, salt=account.salt)
                for account in todo.users
                if (password := opened(self.vault, account)) is not None
            ]
        )
        crashpoint("notifier.after_users_before_rights")
        await self.admin.grant(todo.grant)
        crashpoint("notifier.after_rights_before_memory")


def opened(vault: Vault, account: Account) -> bytes | None:
    """The account's password, out of the vault; None when it was sealed with other secrets."""
    try:
        return vault.decrypt(account.sealed, f"kafka-account:{account.agency}".encode())
    except InvalidTag:
        return None


def _unreadable(account: Account) -> Drift:
    return Drift(
        agency=account.agency, thing="user", wanted=account.username, found="its password was sealed with other secrets"
    )


def _counts(todo: Plan) -> dict[str, int]:
    return {
        "topics_made": len(todo.topics),
        "users_set": len(todo.users),
        "users_dropped": len(todo.drop),
        "rights_granted": len(todo.grant),
        "rights_revoked": len(todo.revoke) + len(todo.strip),
    }
