"""Understands what is left to do after a restore, once all is read again: issue anew what agencies may know otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from credithub import clock
from credithub.db import restores
from credithub.db.engine import AsyncConnection, AsyncEngine, away
from credithub.db.outbox import current_epoch
from credithub.errors import Unavailable
from credithub.log import logger
from services.matcher.books import Books
from services.matcher.duties import Duties
from services.matcher.rules.moves import JsonObject
from services.matcher.store import duties as store
from services.matcher.store import restores as evidence

AT_ONCE = 200
RESTORED: JsonObject = {
    "code": "restored",
    "text_zh": "枢纽自备份恢复后重新告知",
    "text_en": "told anew after the hub was restored from a backup",
}


@dataclass(slots=True)
class OnRestore:
    """Looks again and again: a record of the time before may still come out of Kafka late."""

    engine: AsyncEngine
    books: Books

    async def run_once(self) -> int:
        """Gives how many obligations were issued again. Raises Unavailable while the database is away."""
        try:
            async with self.engine.begin() as conn:
                return await self._work(conn)
        except Exception as problem:
            if away(problem):
                raise Unavailable(str(problem)) from problem
            raise

    async def _work(self, conn: AsyncConnection) -> int:
        if not await restores.ever_restored(conn) or not await restores.note_caught_up(conn):
            return 0
        again = await self._reissue(conn)
        if not again and await restores.unsettled(conn) and not await evidence.clock_is_behind(conn, clock.today()):
            await restores.note_settled(conn)
            logger().info("restore.settled")
        return again

    async def _reissue(self, conn: AsyncConnection) -> int:
        found = await evidence.above(conn, AT_ONCE)
        if not found:
            return 0
        locked = await store.locked(conn, found)
        still = [locked[one] for one in await evidence.above(conn, AT_ONCE, among=found)]
        await self.books.catalogues.have({one.catalogue for one in still})
        duties = Duties(conn, self.books, await current_epoch(conn))
        for one in still:
            await duties.reissue([one], one.lift_reason or RESTORED)
        await duties.emit()
        logger().info("restore.reissued", obligations=len(still))
        return len(still)
