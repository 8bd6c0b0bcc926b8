"""Understands a registry that changed: an agency that joins gets what was open for its department."""

from __future__ import annotations

from dataclasses import dataclass

from credithub.db.engine import AsyncEngine, away
from credithub.db.outbox import current_epoch
from credithub.domain.routing import Agencies
from credithub.errors import Unavailable
from services.matcher.books import Books
from services.matcher.duties import Duties
from services.matcher.store import archive, register
from services.matcher.store import duties as store


@dataclass(slots=True)
class OnRegistry:
    """Renews the books; when the agencies changed, routes what is unrouted, a bounded number of subjects at a time."""

    engine: AsyncEngine
    books: Books
    _swept: Agencies | None = None
    _after: str = ""

    async def run_once(self) -> int:
        await self.books.run_once()
        if self._swept == self.books.agencies:
            return 0
        try:
            return await self._sweep()
        except Exception as problem:
            if away(problem):
                raise Unavailable(str(problem)) from problem
            raise

    async def _sweep(self) -> int:
        agencies = self.books.agencies
        async with self.engine.begin() as conn:
            codes = await store.subjects_with_unrouted(conn, self.books.departments, self._after)
            if not codes:
                self._swept, self._after = agencies, ""
                return 0
            subjects = await archive.lock_subjects(conn, dict.fromkeys(codes, (None, None, 0)))
            rows = await store.unrouted_of(conn, codes)
            await self.books.catalogues.have({row.catalogue for row in rows})
            duties = Duties(conn, self.books, await current_epoch(conn))
            await duties.route(subjects)
            await duties.emit()
        self._after = codes[-1]
        return len(codes)

    async def waiting_but_known(self) -> int:
        """Events that wait although their subject is known: the sweep that proves the queue empty (interleavings 7)."""
        async with self.engine.connect() as conn:
            return await register.stranded(conn)
