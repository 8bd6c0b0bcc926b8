"""Understands the closed table of topics: name, what a record is, and what it is keyed by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

DAY = 24 * 3600 * 1000  # milliseconds
AGENCY_PREFIX = "credit.agency."


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic. `payload` names the type in credithub.domain, `key` what the record's key is."""

    name: str
    payload: str
    key: str
    retention_ms: int
    one_partition: bool = False

    def config(self) -> dict[str, str]:
        """Broker settings. An ack lets an upstream forget, so each record is flushed (interleavings 19)."""
        return {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(1_048_576),
            "flush.messages": "1",
        }


SUBMISSIONS = Topic(
    name="credit.submissions", payload="SubmittedEntry (encrypted)", key="subject", retention_ms=30 * DAY
)
EVENTS = Topic(name="credit.events", payload="CreditEvent", key="subject", retention_ms=30 * DAY)
NOTIFICATIONS = Topic(name="credit.notifications", payload="Notification", key="agency", retention_ms=30 * DAY)
ENDS = Topic(name="credit.notifications.ends", payload="Notification", key="agency", retention_ms=30 * DAY)
FEEDBACK = Topic(name="credit.feedback", payload="Feedback", key="obligation", retention_ms=30 * DAY)
DELIVERIES = Topic(name="credit.deliveries", payload="DeliveryReport", key="obligation", retention_ms=30 * DAY)
COMMANDS = Topic(name="credit.commands", payload="Command", key="target", retention_ms=30 * DAY)

HUB_TOPICS: Mapping[str, Topic] = MappingProxyType(
    {t.name: t for t in (SUBMISSIONS, EVENTS, NOTIFICATIONS, ENDS, FEEDBACK, DELIVERIES, COMMANDS)}
)


def agency_topics(agency: str) -> tuple[Topic, Topic, Topic]:
    """An agency's own topics: the rest, the ends, and its answers. One partition keeps their order."""
    name = AGENCY_PREFIX + agency
    return (
        Topic(name=name, payload="Notification", key="obligation", retention_ms=30 * DAY, one_partition=True),
        Topic(name=name + ".ends", payload="Notification", key="obligation", retention_ms=90 * DAY, one_partition=True),
        Topic(name=name + ".feedback", payload="Feedback", key="obligation", retention_ms=30 * DAY, one_partition=True),
    )


def agency_topic(agency: str, lane: str) -> str:
    """Where a notification for this agency goes on this lane."""
    return AGENCY_PREFIX + agency + (".ends" if lane == "ends" else "")
