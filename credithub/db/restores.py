"""Understands that the database was restored from a dump: what has not been read again since, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from credithub import topics
from credithub.db.engine import AsyncConnection, text
from credithub.topics import Topic


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A consumer group whose positions lie in `service`.positions."""

    service: str
    group: str
    topic: Topic


# All who must come as far as they had been before anybody may judge what is missing (interleavings 35).
READERS = (
    Reader(service="ingest", group="credithub-ingest", topic=topics.SUBMISSIONS),
    Reader(service="matcher", group="credithub-matcher-events", topic=topics.EVENTS),
    Reader(service="matcher", group="credithub-matcher-feedback", topic=topics.FEEDBACK),
    Reader(service="matcher", group="credithub-matcher-deliveries", topic=topics.DELIVERIES),
    Reader(service="notifier", group="credithub-notifier-ends", topic=topics.ENDS),
    Reader(service="notifier", group="credithub-notifier-rest", topic=topics.NOTIFICATIONS),
)


async def catching_up(conn: AsyncConnection) -> bool:
    """Whether Kafka holds what this database knew before it was restored: then the clock rests, and much is unknown."""
    return bool((await conn.execute(text(_CATCHING_UP))).scalar_one())


async def ever_restored(conn: AsyncConnection) -> bool:
    return bool((await conn.execute(text("SELECT EXISTS (SELECT FROM hub.restores)"))).scalar_one())


async def unsettled(conn: AsyncConnection) -> bool:
    """Whether 'still holding' has to say unknown: until all is read, issued again, and the clock has caught up."""
    found = await conn.execute(text("SELECT EXISTS (SELECT FROM hub.restores WHERE settled_at IS NULL)"))
    return bool(found.scalar_one())


async def note_caught_up(conn: AsyncConnection) -> bool:
    """Writes down what has been read to its end; true when nothing is left. The matcher's to call."""
    return bool((await conn.execute(text("SELECT hub.note_caught_up()"))).scalar_one())


async def note_settled(conn: AsyncConnection) -> None:
    """The matcher's to call, when nothing that a restore left is to be done any more."""
    await conn.execute(text("SELECT hub.note_settled()"))


_CATCHING_UP = "SELECT EXISTS (SELECT FROM hub.restores WHERE caught_up_at IS NULL)"
