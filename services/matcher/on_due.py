"""Understands moments that have come: taken under their subjects' locks, worked, and gone with what they did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from credithub import clock, metrics
from credithub.db.engine import AsyncConnection, AsyncEngine, away
from credithub.db.outbox import current_epoch
from credithub.db.restores import catching_up
from credithub.errors import Unavailable
from services.matcher.batch import Batch
from services.matcher.books import Books
from services.matcher.duties import Duties
from services.matcher.lives import Lives
from services.matcher.rules import falling, moves
from services.matcher.rules.moves import JsonObject, Obligation
from services.matcher.store import duties as store
from services.matcher.store import moments
from services.matcher.store.moments import Moment

AT_ONCE = 500  # moments of one transaction
TERM_ENDED: JsonObject = {
    "code": "term-ended",
    "text_zh": "措施期限届满",
    "text_en": "the measure's own term has ended",
}
Handler = Callable[[Batch, str, Sequence[Moment]], Awaitable[None]]


# ------------------------------------------------------------------------------------------------ of obligations
async def _answers_due(batch: Batch, kind: str, fell: Sequence[Moment]) -> None:
    """Nobody answered in time: the agency is told so once, and after a while its superior."""
    del kind
    duties, today = batch.duties, clock.today()
    late = [o for o in await _those(batch, fell) if (day := falling.answer_due(o)) and day <= today]
    await duties.move(late, lambda o: moves.late(o, duties.epoch), "due")
    for obligation in late:
        duties.falls_due(obligation, "escalate", batch.books.own_period(obligation.catalogue, "escalate-after"))


async def _escalations(batch: Batch, kind: str, fell: Sequence[Moment]) -> None:
    """Still unanswered: whoever stands one step higher than the last time is told."""
    duties, books = batch.duties, batch.books
    for before in await _those(batch, fell):
        if not before.overdue or not before.owed:
            continue
        superior = books.superior(before.agency, before.escalated + 1)
        if superior is not None:
            after = moves.escalated(before)
            await duties.change([(before, after)])
            duties.telling.apart.append(moves.escalation(after, superior, clock.stamp()))
            metrics.ESCALATIONS.inc()
        if superior is not None or not before.escalated:  # a superior may yet be named
            duties.falls_due(before, kind, books.own_period(before.catalogue, "escalate-after"))


async def _reminders(batch: Batch, kind: str, fell: Sequence[Moment]) -> None:
    """An agency that may hold what has ended or is suspended is told again, until it confirms."""
    duties = batch.duties
    unconfirmed = [o for o in await _those(batch, fell) if o.holding]
    held = await store.still_held(batch.conn, (o.obligation for o in unconfirmed))
    told = [(o, moves.reminded(o)) for o in unconfirmed if o.obligation in held]
    await duties.change(told)
    for _, after in told:
        duties.telling.of([after], "reminder", after.lift_reason)
    for obligation in unconfirmed:
        duties.falls_due(obligation, kind, batch.books.own_period(obligation.catalogue, "remind-every"))
    metrics.REMINDERS.inc(len(told))


async def _measures_end(batch: Batch, kind: str, fell: Sequence[Moment]) -> None:
    """The measure's own term is over, though the fact goes on."""
    del kind
    await batch.duties.lift_some(await _those(batch, fell), TERM_ENDED)


async def _those(batch: Batch, fell: Sequence[Moment]) -> list[Obligation]:
    """The obligations as they are now, under the lock."""
    found = list((await store.by_id(batch.conn, (m.ref for m in fell))).values())
    await batch.books.catalogues.have({o.catalogue for o in found})
    return found


async def _of_records(batch: Batch, kind: str, fell: Sequence[Moment]) -> None:
    """What falls due of records, objections and applications is the life of the record."""
    del kind
    await Lives(batch).fell_due([(m.organisation_code, m.kind, m.ref) for m in fell])


HANDLERS: Mapping[str, Handler] = {
    "answer-due": _answers_due,
    "escalate": _escalations,
    "remind": _reminders,
    "measure-ends": _measures_end,
    "display-ends": _of_records,
    "term-ends": _of_records,
    "verify-due": _of_records,
    "repair-due": _of_records,
    "shield-ends": _of_records,
}


# ------------------------------------------------------------------------------------------------ the queue
@dataclass(slots=True)
class OnDue:
    """Works the queue of due moments, a bounded number at a time; rests after a restore (interleavings 35)."""

    engine: AsyncEngine
    books: Books
    at_once: int = AT_ONCE

    async def run_once(self) -> int:
        """Gives how many were worked. Raises Unavailable while the database is away."""
        try:
            async with self.engine.begin() as conn:
                return await self._work(conn)
        except Exception as problem:
            if away(problem):
                raise Unavailable(str(problem)) from problem
            raise

    async def _work(self, conn: AsyncConnection) -> int:
        today = clock.today()
        come = await moments.due(conn, today, HANDLERS, self.at_once)
        if not come or await catching_up(conn):
            return 0
        batch = Batch(conn, self.books, Duties(conn, self.books, await current_epoch(conn)))
        await batch.lock_others([m.organisation_code for m in come])
        taken = await moments.take(conn, come, today)
        for kind, fell in _by_kind(taken):
            await HANDLERS[kind](batch, kind, fell)
        await batch.duties.emit()
        return len(come)


def _by_kind(taken: Sequence[Moment]) -> Iterator[tuple[str, list[Moment]]]:
    """Those of one day and kind together, in the order in which they fell due."""
    ordered = sorted(taken, key=lambda m: (m.fires_on, m.kind, m.organisation_code, m.ref))
    for (_, kind), fell in groupby(ordered, key=lambda m: (m.fires_on, m.kind)):
        yield kind, list(fell)
