"""Understands how the checker's world is read: the API for suppliers, Kafka from its first record, the database's tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import aiohttp
import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from credithub.kafka.connection import aiokafka_options
from credithub.kafka.ending import end
from credithub.topics import agency_topics
from tests.chaos.agencies import Agency, received
from tests.chaos.checker import SETTLED, Archived, Attempt, Duty, Promise, Received, Told, World
from tests.chaos.hub import CHANNELS, Hub, call

QUIET_SECONDS = 180.0
UNQUIET = """
    SELECT (SELECT count(*) FROM matcher.outbox WHERE NOT published) AS matcher_outbox,
           (SELECT count(*) FROM notifier.outbox WHERE NOT published) AS notifier_outbox,
           (SELECT count(*) FROM notifier.deliveries WHERE state IN ('due', 'in-flight', 'failed')) AS deliveries,
           (SELECT count(*) FROM matcher.obligations WHERE state = 'lifting') AS lifting,
           (SELECT count(*) FROM matcher.obligations o WHERE NOT EXISTS (SELECT FROM notifier.notifications_v n
             WHERE n.obligation = o.obligation AND n.version = o.version)) AS untold
"""


async def until_quiet(hub: Hub, http: aiohttp.ClientSession, promises: list[Promise]) -> dict[str, int]:
    """Waits until every promise is settled and nobody is owed anything; gives what is still open at the deadline."""
    loop = asyncio.get_running_loop()
    deadline, open_ = loop.time() + QUIET_SECONDS, list(promises)
    while True:
        try:
            states = await states_of(hub, http, open_)
            left = {name: int(number) for name, number in (await _rows(hub, UNQUIET))[0].items() if number}
        except (aiohttp.ClientError, OSError, TimeoutError):
            left = {"hub": 1}
        else:
            open_ = [p for p in open_ if not SETTLED.intersection(states.get((p.submission, p.index), ()))]
            left |= {"promises": len(open_)} if open_ else {}
        if not left or loop.time() > deadline:
            return left
        await asyncio.sleep(0.5)


async def read_world(hub: Hub, http: aiohttp.ClientSession, promises: list[Promise], agencies: list[Agency]) -> World:
    return World(
        promises=promises,
        states=await states_of(hub, http, promises),
        archive=[Archived(**r) for r in await _rows(hub, ARCHIVE)],
        duties=[_duty(r) for r in await _rows(hub, DUTIES)],
        told=[Told(**{**r, "channels": orjson.loads(r["channels"])}) for r in await _rows(hub, TOLD)],
        received=[*await _from_topics(hub), *(r for a in agencies for r in a.received if r.place == "pull")],
        attempts=[Attempt(**r) for r in await _rows(hub, ATTEMPTS)],
    )


async def states_of(hub: Hub, http: aiohttp.ClientSession, promises: list[Promise]) -> dict[tuple[str, int], list[str]]:
    """As their suppliers read it: every state that an entry of a receipt has."""
    states: dict[tuple[str, int], list[str]] = {}
    key_of = {hub.source(agency): key for agency, key in hub.keys.items()}
    asked = iter({p.submission: key_of[p.source] for p in promises}.items())

    async def ask() -> None:
        for submission, key in asked:
            told = await call(http, "GET", f"/v1/submissions/{submission}?limit=5000", key)
            for entry in told["results"]:
                states.setdefault((submission, entry["index"]), []).append(entry["state"])

    await asyncio.gather(*(ask() for _ in range(4)))
    return states


ARCHIVE = """
    SELECT e.source, e.id, e.record, e.organisation_code AS subject, r.seq, r.state
      FROM matcher.entries e JOIN matcher.records r ON r.organisation_code = e.organisation_code AND r.record = e.record
"""
DUTIES = """
    SELECT o.obligation, o.case_id, o.measure, o.agency, o.round, o.version, o.state, r.state <> 'active' AS ended
      FROM matcher.obligations o JOIN matcher.records r USING (organisation_code, record)
"""
TOLD = """
    SELECT n.message, n.agency, n.obligation, n.version, n.state,
           coalesce((SELECT jsonb_object_agg(d.channel, d.state) FROM notifier.deliveries_v d
                      WHERE d.agency = n.agency AND d.message = n.message), '{}')::text AS channels
      FROM notifier.notifications_v n WHERE n.obligation IS NOT NULL AND n.kind NOT IN ('feedback-refused', 'escalated')
"""
ATTEMPTS = """
    SELECT n.obligation, n.version, extract(epoch FROM a.started_at)::float8 AS began
      FROM notifier.attempts_v a JOIN notifier.notifications_v n ON n.message = a.message
     WHERE n.obligation IS NOT NULL AND n.kind NOT IN ('feedback-refused', 'escalated')
"""


def _duty(row: dict[str, Any]) -> Duty:
    key = (row["case_id"], row["measure"], row["agency"], row["round"])
    return Duty(obligation=row["obligation"], key=key, agency=row["agency"], version=row["version"],
                state=row["state"], ended=row["ended"])  # fmt: skip


async def _rows(hub: Hub, sql: str) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(hub.stack.infra.postgres.url("credithub_admin").replace("+asyncpg", ""))
    try:
        return [dict(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def _from_topics(hub: Hub) -> list[Received]:
    found: list[Received] = []
    for agency in (name for name, channel in CHANNELS.items() if channel == "kafka"):
        for topic in agency_topics(agency)[:2]:
            found += [received(agency, topic.name, data) for data in await _whole(hub, topic.name)]
    return [r for r in found if not r.message.startswith("refused.")]


async def _whole(hub: Hub, topic: str) -> Iterable[dict[str, Any]]:
    """Every record of a one-partition topic, from its first."""
    consumer = AIOKafkaConsumer(**aiokafka_options(hub.stack.infra.admin_settings()), enable_auto_commit=False)
    place = TopicPartition(topic, 0)
    try:
        await consumer.start()
        consumer.assign([place])
        until = (await consumer.end_offsets([place]))[place]
        consumer.seek(place, 0)
        found: list[dict[str, Any]] = []
        while len(found) < until:
            for records in (await consumer.getmany(timeout_ms=500, max_records=2_000)).values():
                found += [orjson.loads(record.value)["data"] for record in records]
        return found
    finally:
        await end(consumer)
