"""Understands what the registry says of agencies, and what the reconciler remembers of having done about it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from credithub.db.engine import AsyncConnection, text


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An agency's Kafka account as the registry has it: `sealed` is its password, encrypted by the vault."""

    agency: str
    username: str
    iterations: int
    salt: bytes
    sealed: bytes

    @property
    def fingerprint(self) -> str:
        """Changes whenever the account must be made anew."""
        parts = (self.username.encode(), str(self.iterations).encode(), self.salt, self.sealed)
        return hashlib.sha256(b"\0".join(parts)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What should be in Kafka: topics of these agencies, and accounts of these in force. Everybody else has none."""

    agencies: tuple[str, ...]
    accounts: tuple[Account, ...]
    others: tuple[str, ...]  # user names of agencies' accounts that are no longer in force

    @property
    def fingerprint(self) -> str:
        parts = (*self.agencies, *(account.fingerprint for account in self.accounts), *self.others)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """A thing in Kafka that is not as the registry says."""

    agency: str
    thing: str
    wanted: str
    found: str


async def wanted(conn: AsyncConnection) -> Wanted:
    """Reads the registry. An agency is in force on the days of its validity, in China's calendar."""
    rows = await conn.execute(
        text(
            "SELECT a.id, 'kafka' = ANY(a.channels) AS by_kafka, k.username, k.iterations, k.salt,"
            " k.sealed_password AS sealed,"
            " k.enabled AND k.revoked_at IS NULL AND a.valid_from <= d.today AND coalesce(a.valid_to > d.today, true)"
            " AS in_force"
            " FROM gateway.agencies_v AS a LEFT JOIN gateway.kafka_accounts_v AS k ON k.agency = a.id"
            " CROSS JOIN (SELECT ((now() + ahead) AT TIME ZONE 'Asia/Shanghai')::date AS today FROM hub.clock) AS d"
            " ORDER BY a.id"
        )
    )
    agencies: list[str] = []
    accounts: list[Account] = []
    others: list[str] = []
    for row in rows:
        if row.by_kafka or row.in_force:
            agencies.append(row.id)
        if row.in_force:
            accounts.append(
                Account(
                    agency=row.id,
                    username=row.username,
                    iterations=row.iterations,
                    salt=bytes(row.salt),
                    sealed=bytes(row.sealed),
                )
            )
        elif row.username is not None:
            others.append(row.username)
    return Wanted(agencies=tuple(agencies), accounts=tuple(accounts), others=tuple(others))


async def made_users(conn: AsyncConnection) -> dict[str, tuple[str, str]]:
    """By agency: user name and fingerprint of the account that was last made in Kafka."""
    rows = await conn.execute(text("SELECT agency, username, fingerprint FROM notifier.kafka_users"))
    return {row.agency: (row.username, row.fingerprint) for row in rows}


async def remember_users(conn: AsyncConnection, accounts: Sequence[Account]) -> None:
    """Makes the memory equal to these accounts."""
    await conn.execute(
        text("DELETE FROM notifier.kafka_users WHERE agency <> ALL(CAST(:agencies AS text[]))"),
        {"agencies": [account.agency for account in accounts]},
    )
    await conn.execute(
        text(
            "INSERT INTO notifier.kafka_users AS k (agency, username, fingerprint)"
            " SELECT * FROM unnest(CAST(:agencies AS text[]), CAST(:names AS text[]), CAST(:prints AS text[]))"
            " ON CONFLICT (agency) DO UPDATE SET username = excluded.username, fingerprint = excluded.fingerprint,"
            " applied_at = now() WHERE k.fingerprint <> excluded.fingerprint"
        ),
        {
            "agencies": [account.agency for account in accounts],
            "names": [account.username for account in accounts],
            "prints": [account.fingerprint for account in accounts],
        },
    )


async def write_drift(conn: AsyncConnection, drift: Sequence[Drift]) -> None:
    """Makes the table equal to what was found; what differs still keeps the moment since when it does."""
    args = {
        "agencies": [one.agency for one in drift],
        "things": [one.thing for one in drift],
        "wanted": [one.wanted for one in drift],
        "found": [one.found for one in drift],
    }
    await conn.execute(
        text(
            "DELETE FROM notifier.drift AS d WHERE NOT EXISTS (SELECT 1 FROM unnest(CAST(:agencies AS text[]),"
            " CAST(:things AS text[])) AS x(agency, thing) WHERE x.agency = d.agency AND x.thing = d.thing)"
        ),
        args,
    )
    await conn.execute(
        text(
            "INSERT INTO notifier.drift (agency, thing, wanted, found)"
            " SELECT * FROM unnest(CAST(:agencies AS text[]), CAST(:things AS text[]), CAST(:wanted AS text[]),"
            " CAST(:found AS text[]))"
            " ON CONFLICT (agency, thing) DO UPDATE SET wanted = excluded.wanted, found = excluded.found"
        ),
        args,
    )


async def note_error(conn: AsyncConnection, task: str, error: str) -> None:
    """The last error of a task, for the dashboard."""
    await conn.execute(
        text(
            "INSERT INTO notifier.last_errors (task, error) VALUES (:task, :error)"
            " ON CONFLICT (task) DO UPDATE SET error = excluded.error, at = now()"
        ),
        {"task": task, "error": error[:500]},
    )
