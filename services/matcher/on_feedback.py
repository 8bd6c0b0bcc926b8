"""Understands credit.feedback: agencies' answers, checked against the obligation they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from credithub.consumer import Write
from credithub.db.engine import AsyncConnection
from credithub.db.outbox import current_epoch
from credithub.domain.notifications import Feedback
from credithub.kafka.consumer import Record
from services.matcher.books import Books
from services.matcher.duties import Duties
from services.matcher.store import answers as filed
from services.matcher.store import duties as store


@dataclass(slots=True)
class OnFeedback:
    books: Books

    async def __call__(self, records: Sequence[Record]) -> Write:
        answers = list({a.id: a for a in (Feedback.from_bytes(record.value) for record in records)}.values())

        async def write(conn: AsyncConnection) -> Mapping[str, int]:
            known = await store.locked(conn, (a.obligation for a in answers))
            before = await filed.seen(conn, (a.id for a in answers))
            await self.books.catalogues.have({o.catalogue for o in known.values()})
            duties = Duties(conn, self.books, await current_epoch(conn))
            fresh = [a for a in answers if a.id not in before]
            await duties.answer(fresh, known)
            refused = len(duties.telling.apart)
            await duties.emit()
            return {"answered": len(fresh) - refused, "refused": refused}

        return write
