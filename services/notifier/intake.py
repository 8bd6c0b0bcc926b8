"""Understands which agencies' answers are read: the feedback topics that there are now, looked up again and again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from credithub.consumer import Consumer, Handler
from credithub.db.engine import AsyncEngine
from credithub.kafka.admin import KafkaAdmin
from credithub.settings import Settings
from credithub.topics import AGENCY_PREFIX

GROUP = "credithub-notifier-feedback"
LOOK_SECONDS = 5.0  # how late the answers of a new agency may be read first


@dataclass(slots=True)
class FeedbackIntake:
    """A consumer that is made anew when agencies come; the positions lie in PostgreSQL, so nothing is read twice."""

    settings: Settings
    engine: AsyncEngine
    admin: KafkaAdmin
    handle: Handler
    look_seconds: float = LOOK_SECONDS
    _consumer: Consumer | None = None
    _topics: list[str] = field(default_factory=list[str])
    _looked: float = float("-inf")

    async def run_once(self) -> int:
        """Handles one batch of answers; gives the number of records handled."""
        if time.monotonic() - self._looked > self.look_seconds:
            await self._look()
        return await self._consumer.run_once() if self._consumer else 0

    async def stop(self) -> None:
        consumer, self._consumer, self._topics = self._consumer, None, []
        if consumer is not None:
            await consumer.stop()

    def silent_for(self) -> float:
        return self._consumer.silent_for() if self._consumer else 0.0

    async def _look(self) -> None:
        found = sorted(name for name in await self.admin.topics() if is_feedback_topic(name))
        if found != self._topics:
            await self.stop()
            # Nameless: Kafka gives a named member that comes back the partitions it had, whatever it asks for now.
            nameless = replace(self.settings, instance="")
            fresh = Consumer(nameless, self.engine, "notifier", GROUP, found, self.handle)
            await fresh.start()
            self._consumer, self._topics = fresh, found
        self._looked = time.monotonic()


def is_feedback_topic(name: str) -> bool:
    return name.startswith(AGENCY_PREFIX) and name.endswith(".feedback")
