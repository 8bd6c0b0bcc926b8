"""Understands what becomes of notifications from the matcher: taken into the ledger, owed, dropped or cancelled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from credithub.crashpoints import crashpoint
from credithub.db.engine import AsyncConnection
from credithub.domain.notifications import Notification
from credithub.kafka.consumer import Record
from services.notifier.store.taking import open_batch, write_batch

Write = Callable[[AsyncConnection], Awaitable[Mapping[str, int]]]


@dataclass(frozen=True, slots=True)
class OnNotifications:
    """The handler of both lanes. `available`: the channels this process can serve, the pull feed among them."""

    available: frozenset[str]

    async def __call__(self, records: Sequence[Record]) -> Write:
        told = [Notification.from_bytes(record.value) for record in records]

        async def write(conn: AsyncConnection) -> Mapping[str, int]:
            batch = await open_batch(conn, told, self.available)
            batch.take_all(told)
            await write_batch(conn, batch)
            crashpoint("notifier.after_take_before_commit")
            return batch.counts

        return write
