"""Understands how the notifier is put together: two lanes in, channels out, answers back, Kafka kept in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from credithub import topics
from credithub.consumer import Consumer
from credithub.db.business_clock import EVERY_SECONDS, Following
from credithub.db.engine import AsyncEngine, make_engine
from credithub.db.retention import RETENTION_SECONDS, Retention
from credithub.kafka.admin import KafkaAdmin, ensure_hub_topics
from credithub.kafka.producer import Producer
from credithub.relay import Relay
from credithub.service import Process, run_loops
from credithub.settings import Settings
from credithub.vault import Vault
from services.notifier.bell import Bell
from services.notifier.channels import Channels, by_name
from services.notifier.channels.kafka import HEADERS, KafkaChannel
from services.notifier.deliver import Deliverer, Reaper
from services.notifier.figures import Figures
from services.notifier.follow import Follower
from services.notifier.intake import FeedbackIntake
from services.notifier.on_agency_feedback import OnAgencyFeedback
from services.notifier.on_notifications import OnNotifications
from services.notifier.reconcile import Reconciler
from services.notifier.rules import PULL

SCHEMA = "notifier"
LANES = {"ends": topics.ENDS, "rest": topics.NOTIFICATIONS}
REGISTRY_SECONDS = 1.0
FIGURES_SECONDS = 2.0
REAPER_SECONDS = 2.0

Step = Callable[[], Awaitable[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything that runs in one notifier process. A new channel is one more line in `of`."""

    engine: AsyncEngine
    relaying: Producer
    telling: Producer  # apart: agencies' topics that are away must not hold up the relay
    channels: Channels
    lanes: dict[str, Consumer]
    deliverers: dict[str, Deliverer]
    intake: FeedbackIntake
    relay: Relay
    reaper: Reaper
    follower: Follower
    following: Following
    reconciler: Reconciler | None

    @staticmethod
    def of(settings: Settings) -> Parts:
        engine = make_engine(settings, SCHEMA)
        relaying, telling = Producer(settings, SCHEMA), Producer(settings, f"{SCHEMA}-kafka", HEADERS)
        channels = by_name(KafkaChannel(telling))
        available = frozenset({PULL, *channels})
        bells = {lane: Bell() for lane in LANES}
        take = OnNotifications(available)
        return Parts(
            engine=engine,
            relaying=relaying,
            telling=telling,
            channels=channels,
            lanes={
                lane: Consumer(settings, engine, SCHEMA, f"credithub-notifier-{lane}", [topic.name], take)
                for lane, topic in LANES.items()
            },
            deliverers={
                "ends": Deliverer(engine, "ends", channels, bells["ends"]),
                "rest": Deliverer(engine, "rest", channels, bells["rest"]),
            },
            intake=FeedbackIntake(
                settings, engine, KafkaAdmin(settings, admin=False), OnAgencyFeedback(available, settings.schemas)
            ),
            relay=Relay(engine, relaying, SCHEMA),
            reaper=Reaper(engine, channels, list(bells.values())),
            follower=Follower(engine, available, list(bells.values())),
            following=Following(engine, settings),
            reconciler=_reconciler(settings, engine),
        )

    async def close(self) -> None:
        for deliverer in self.deliverers.values():
            await deliverer.drain()
        for consumer in self.lanes.values():
            await consumer.stop()
        await self.intake.stop()
        await self.relay.stop()
        await self.telling.stop()
        await self.relaying.stop()
        await self.engine.dispose()


def _reconciler(settings: Settings, engine: AsyncEngine) -> Reconciler | None:
    """None where somebody else looks after Kafka's users: then no administrator's account is set."""
    if not settings.kafka_admin_user:
        return None
    return Reconciler(engine, KafkaAdmin(settings), Vault.open(settings.secrets_dir))


async def main(process: Process) -> None:
    """Runs the notifier until the process is told to stop."""
    settings = process.settings
    parts = Parts.of(settings)
    try:
        if parts.reconciler is not None:
            await process.until_up("topics", lambda: _topics(settings))
        await process.until_up("clock", parts.following.first)
        for producer in (parts.relaying, parts.telling):
            await process.until_up("kafka", producer.start)
        process.health.away.clear()
        await run_loops(_loops(process, parts))
    finally:
        await parts.close()


def _loops(process: Process, parts: Parts) -> Sequence[Awaitable[None]]:
    figures, reading = Figures(parts.engine, process.health), Reading(process, parts.lanes)
    loops = [
        *(
            process.repeat(consumer.group, _ringing(reading.of(lane), parts.deliverers[lane].bell), rest=0)
            for lane, consumer in parts.lanes.items()
        ),
        *(process.repeat(f"deliver-{lane}", one.wait, rest=0) for lane, one in parts.deliverers.items()),
        process.repeat("feedback", parts.intake.run_once),
        process.repeat("relay", parts.relay.run_once),
        process.repeat("reaper", parts.reaper.run_once, rest=REAPER_SECONDS),
        process.repeat("clock", parts.following.run_once, rest=EVERY_SECONDS),
        process.repeat("follower", parts.follower.run_once, rest=REGISTRY_SECONDS),
        process.repeat("figures", figures.run_once, rest=FIGURES_SECONDS),
        process.repeat("retention", Retention.of(parts.engine, SCHEMA).run_once, rest=RETENTION_SECONDS),
        process.watch(lambda: max(c.silent_for() for c in (*parts.lanes.values(), parts.intake))),
    ]
    if parts.reconciler is not None:
        loops.append(process.repeat("reconciler", parts.reconciler.run_once, rest=REGISTRY_SECONDS))
    return loops


@dataclass(frozen=True, slots=True)
class Reading:
    """Lanes that are started in their loops: what is owed goes out while the group is still sharing its partitions."""

    process: Process
    lanes: Mapping[str, Consumer]
    _started: set[str] = field(default_factory=set[str])

    def of(self, lane: str) -> Step:
        async def once() -> int:
            if lane not in self._started:
                await self.lanes[lane].start()
                self._started.add(lane)
                self.process.health.ready = self._started == set(self.lanes)
            return await self.lanes[lane].run_once()

        return once


def _ringing(step: Step, bell: Bell) -> Step:
    """A batch is committed when the step returns: the deliverer need not wait for its poll."""

    async def once() -> int:
        done = await step()
        if done:
            bell.ring()
        return done

    return once


async def _topics(settings: Settings) -> None:
    await ensure_hub_topics(settings)
