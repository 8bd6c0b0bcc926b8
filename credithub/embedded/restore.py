"""Understands how a dump becomes the database again, under an epoch that was never used (interleavings 15, 35, 36)."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from credithub import clock
from credithub.db import migrate
from credithub.db.restores import READERS
from credithub.domain.notifications import Notification, message_id
from credithub.embedded import database, epochs, pgtools
from credithub.embedded.archive import Manifest, Position, unpack
from credithub.embedded.backup import ends_of, secrets_known_by
from credithub.embedded.pgtools import Place
from credithub.errors import ConfigurationError, CreditHubError
from credithub.kafka.offsets import Extent, extent, values_between
from credithub.settings import Settings
from credithub.topics import ENDS, HUB_TOPICS, NOTIFICATIONS

Version = tuple[int, int]
LEAP = 100  # more restores than anybody has made of a machine that is lost


class GapError(CreditHubError):
    """Kafka no longer holds all that came in since the dump; going on needs a person's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Records that were read after the dump and are in Kafka no more."""

    grp: str
    topic: str
    partition: int
    since: int
    until: int


@dataclass(slots=True, kw_only=True)
class Told:
    """What the notification topics hold since the dump: the newest version by agency and obligation, and the epochs."""

    newest: dict[tuple[str, str], tuple[Version, str]] = field(
        default_factory=dict[tuple[str, str], tuple[Version, str]]
    )
    highest_epoch: int = 0

    def hear(self, told: Notification) -> None:
        """Refusals and escalations tell of an obligation and are no version of it: their ids are of their own."""
        self.highest_epoch = max(self.highest_epoch, told.epoch)
        if not told.message.startswith(message_id(told.obligation, told.epoch, told.version)):
            return
        key, version = (told.agency, told.obligation), (told.epoch, told.version)
        if version > self.newest.get(key, ((0, 0), ""))[0]:
            self.newest[key] = version, told.state


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A restore that has been looked through and may go ahead."""

    manifest: Manifest
    dump: Path
    epoch: int
    same_kafka: bool
    there: Extent
    gaps: Sequence[Gap]
    told: Told
    server: int
    programs: Path
    schemas: Sequence[str]


async def restore(settings: Settings, place: Place, file: Path, data: Path, *, accept_gap: bool = False) -> int:
    """Puts the dump back and gives the epoch that it raised. As one transaction: nothing is changed by a failure.

    Raises GapError where Kafka has lost what must be read again and nobody has accepted that.
    """
    with tempfile.TemporaryDirectory(dir=_room(data), prefix=".restore-") as room:
        dump = Path(room) / "dump"
        plan = await _plan(settings, place, unpack(file, dump), dump, data)
        if plan.gaps and not accept_gap:
            raise GapError(_say(plan.gaps))
        if not plan.same_kafka and not accept_gap:
            raise GapError(OTHER_KAFKA)
        epochs.keep(data, {"epoch": plan.epoch, "at": clock.stamp(), "dump": plan.manifest.sha256})
        drop = "".join(f"DROP SCHEMA {schema} CASCADE;\n" for schema in plan.schemas)
        await asyncio.to_thread(
            pgtools.put_back, place, plan.programs, dump, server=plan.server,
            before=f"{drop}DROP TABLE IF EXISTS public.schema_version;", after=marks(plan),
        )  # fmt: skip
    await migrate.upgrade(_owner_url(settings))
    return plan.epoch


def _owner_url(settings: Settings) -> str:
    """As SQLAlchemy reads it. The authority is named in the environment, where asyncpg looks for it."""
    if not settings.database_ca:
        return settings.database_url
    os.environ["PGSSLROOTCERT"] = settings.database_ca
    return f"{settings.database_url}?ssl=verify-full"


async def _plan(settings: Settings, place: Place, manifest: Manifest, dump: Path, data: Path) -> Plan:
    """Looks at everything that could speak against it, before anything is changed."""
    _check(manifest, settings)
    async with database.connected(place) as connection:
        if inside := await database.who_is_in(connection):
            raise CreditHubError(f"服务仍在运行 / services are running: {', '.join(inside)}\n  credithub down")
        server = await database.server_version(connection)
        schemas, used = await database.ours(connection), await database.epoch_now(connection)
    there = await extent(settings, sorted(HUB_TOPICS))
    same = there.cluster == manifest.cluster and dict(there.topic_ids) == manifest.topic_ids()
    told = await told_since(settings, manifest, there) if same else Told()
    return Plan(
        manifest=manifest,
        dump=dump,
        epoch=next_epoch((manifest.epoch, used, epochs.highest(data), told.highest_epoch), same_kafka=same),
        same_kafka=same,
        there=there,
        gaps=gaps_of(manifest.positions, there) if same else (),
        told=told,
        server=server,
        programs=pgtools.programs(place, max(server, manifest.server)),
        schemas=schemas,
    )


def next_epoch(used: Iterable[int], *, same_kafka: bool) -> int:
    """Above any that is known. Where Kafka is another, so may be all else that would remember: then far above."""
    return max(used) + (1 if same_kafka else LEAP)


def _check(manifest: Manifest, settings: Settings) -> None:
    if manifest.revision not in migrate.revisions():
        raise ConfigurationError(
            f"备份来自更新的版本（修订 {manifest.revision}），请先升级程序"
            f" / the backup is of a newer version (revision {manifest.revision}): upgrade the program first"
        )
    mine = secrets_known_by(settings)
    if manifest.secrets and mine and mine != manifest.secrets:
        raise ConfigurationError(
            f"密钥与备份不符：请放回备份时的密钥目录 / these are not the secrets of the backup: put those back first: "
            f"{settings.secrets_dir}"
        )


async def told_since(settings: Settings, manifest: Manifest, there: Extent) -> Told:
    """Reads what agencies were told since the dump, as far as Kafka still has it."""
    spans: dict[tuple[str, int], tuple[int, int]] = {}
    for topic in (ENDS.name, NOTIFICATIONS.name):
        for partition, since in enumerate(manifest.ends_of(topic)):
            place = (topic, partition)
            spans[place] = max(since, there.begins[place]), there.ends[place]
    told = Told()
    async for value in values_between(settings, spans):
        told.hear(Notification.from_bytes(value))
    return told


def gaps_of(positions: Sequence[Position], there: Extent) -> list[Gap]:
    """Where a reader of the dump would go on before the first record that Kafka still has."""
    groups = {(reader.group, reader.topic.name) for reader in READERS}
    return [
        Gap(grp=one.grp, topic=one.topic, partition=one.partition, since=one.position, until=begin)
        for one in positions
        if (one.grp, one.topic) in groups
        and one.cluster == there.cluster
        and there.topic_ids.get(one.topic) == one.topic_id
        and one.position < (begin := there.begins.get((one.topic, one.partition), 0))
    ]


OTHER_KAFKA = (
    "这不是备份时的 Kafka：备份之后受理的内容与通知无从查找 / this is not the Kafka of the backup: what was accepted and"
    " told since then cannot be found in it\n  credithub restore … --accept-gap"
)


def _say(gaps: Sequence[Gap]) -> str:
    lines = "\n".join(f"  {gap.topic}/{gap.partition}  {gap.since} … {gap.until - 1}" for gap in gaps)
    return (
        f"Kafka 已不再保存备份之后的以下记录，须由报送方重新报送 / Kafka no longer has these records since the backup;"
        f" their senders must send them again:\n{lines}\n  credithub restore … --accept-gap"
    )


# ---------------------------------------------------------------------------------------- what goes in with the dump
def marks(plan: Plan) -> Iterable[str]:
    """The statements after the dump, in its transaction: the epoch, how far each reader must come, what was told."""
    manifest, gaps = plan.manifest, json.dumps([_gap(gap) for gap in plan.gaps])
    yield f"UPDATE hub.epoch SET epoch = {plan.epoch};\n"
    yield (
        "INSERT INTO hub.restores (epoch, from_dump, dumped_at, same_kafka, gap) VALUES"
        f" ({plan.epoch}, {_text(manifest.sha256)}, {_text(manifest.made_at)}, {plan.same_kafka}, {_text(gaps)});\n"
    )
    yield "COPY hub.restore_targets FROM stdin;\n"
    for reader in READERS:
        topic = reader.topic.name
        for partition, end in enumerate(ends_of(plan.there, topic)):
            ids = plan.there.cluster, topic, plan.there.topic_ids[topic]
            yield _row(plan.epoch, reader.service, reader.group, *ids, partition, end)
    yield "\\.\n"
    yield "COPY hub.restore_findings FROM stdin;\n"
    for (agency, obligation), ((epoch, version), state) in sorted(plan.told.newest.items()):
        yield _row(plan.epoch, agency, obligation, epoch, version, state)
    yield "\\.\n"
    yield KNOWN
    for gap in plan.gaps:
        yield _skip(gap, plan.there)
    if not plan.same_kafka:
        yield AGAIN


# What the restored database knows itself, in that version or a newer one, is no finding.
KNOWN = (
    "DELETE FROM hub.restore_findings f USING matcher.obligations o WHERE o.obligation = f.obligation"
    " AND (f.found_epoch, f.found_version) <= (o.epoch, o.version);\n"
)
# Another Kafka has nothing of what was published: it is published again, and dropped where it is known.
AGAIN = "UPDATE matcher.outbox SET published = false;\nUPDATE notifier.outbox SET published = false;\n"
SERVICE_OF: Mapping[str, str] = {reader.group: reader.service for reader in READERS}


def _skip(gap: Gap, there: Extent) -> str:
    return (
        f"UPDATE {SERVICE_OF[gap.grp]}.positions SET position = {gap.until} WHERE grp = {_text(gap.grp)}"
        f" AND cluster = {_text(there.cluster)} AND topic_id = {_text(there.topic_ids[gap.topic])}"
        f" AND partition = {gap.partition};\n"
    )


def _gap(gap: Gap) -> dict[str, object]:
    return {"grp": gap.grp, "topic": gap.topic, "partition": gap.partition, "from": gap.since, "to": gap.until}


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _row(*values: object) -> str:
    """A line of COPY's text format."""
    escaped = (str(v).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n") for v in values)
    return "\t".join(escaped) + "\n"


def _room(data: Path) -> Path:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    return data
