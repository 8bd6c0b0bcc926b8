"""Understands a registry that changed: an agency that joins gets what was open, one that leaves hands over what it had."""

from __future__ import annotations

from dataclasses import dataclass

from credithub.db.engine import AsyncConnection, AsyncEngine, away
from credithub.db.outbox import current_epoch
from credithub.domain.routing import Agencies
from credithub.errors import Unavailable
from services.matcher.books import Books
from services.matcher.duties import Duties
from services.matcher.regions import Regions
from services.matcher.store import register, routing, scopes, subjects
from services.matcher.store.unrouted import subjects_with_unrouted

AT_ONCE = 500  # subjects


@dataclass(slots=True)
class OnRegistry:
    """Renews the books; when the agencies changed, routes what they concern, a bounded number of subjects at a time."""

    engine: AsyncEngine
    books: Books
    _swept: tuple[Agencies, frozenset[str]] | None = None
    _after: str = ""

    async def run_once(self) -> int:
        await self.books.run_once()
        if self._swept == (self.books.agencies, self.books.retired):
            return 0
        try:
            return await self._sweep()
        except Exception as problem:
            if away(problem):
                raise Unavailable(str(problem)) from problem
            raise

    async def _sweep(self) -> int:
        seen = (self.books.agencies, self.books.retired)
        async with self.engine.begin() as conn:
            codes = await self._concerned(conn)
            if not codes:
                self._swept, self._after = seen, ""
                return 0
            locked = await subjects.lock_subjects(conn, dict.fromkeys(codes, (None, None, 0)))
            duties = Duties(conn, self.books, await current_epoch(conn))
            await duties.route(locked)
            await Regions(duties).settle(locked)
            await duties.emit()
        self._after = codes[-1]
        return len(codes)

    async def _concerned(self, conn: AsyncConnection) -> list[str]:
        """The next subjects, in order: with something unrouted, a region, or an agency that acts no more."""
        open_for = await subjects_with_unrouted(conn, self.books.departments, self.books.agencies.ids, self._after)
        left_by = await routing.subjects_held_by(conn, self.books.retired, self._after) if self.books.retired else []
        joined = await scopes.subjects_with_regions(conn, self._after)
        return sorted({*open_for, *left_by, *joined})[:AT_ONCE]

    async def waiting_but_known(self) -> int:
        """Events that wait although their subject is known: the sweep that proves the queue empty (interleavings 7)."""
        async with self.engine.connect() as conn:
            return await register.stranded(conn)
