"""Understands a day on which what is in force turns: what it ends is lifted, what it adds begins, subject by subject."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from credithub import clock, ids
from credithub.db.engine import AsyncConnection, AsyncEngine, away
from credithub.db.outbox import current_epoch
from credithub.db.restores import catching_up
from credithub.domain.catalogue.change import Change, Duty, Ending, reason
from credithub.domain.catalogue.layers import Turn
from credithub.domain.routing import Planned
from credithub.errors import Unavailable
from credithub.log import logger
from services.matcher.books import Books
from services.matcher.duties import Duties
from services.matcher.planning import Place
from services.matcher.rules.moves import Obligation
from services.matcher.store import catalogue as store
from services.matcher.store import duties as obligations
from services.matcher.store import routing, unrouted
from services.matcher.store.catalogue import Active, Seated
from services.matcher.store.unrouted import Unrouted

AT_ONCE = 500  # subjects of one transaction
Pair = tuple[str, str, str]  # (record, measure, department of today)


@dataclass(slots=True)
class OnCatalogue:
    """Sweeps each turn once, in their order; a killed sweep goes on where it was. Rests after a restore."""

    engine: AsyncEngine
    books: Books
    at_once: int = AT_ONCE
    _settled: tuple[date, int] | None = None  # the day, and the number of versions, for which nothing is left

    async def run_once(self) -> int:
        """Gives how many subjects were walked. Raises Unavailable while the database is away."""
        catalogues = self.books.catalogues
        await catalogues.read_new()
        now = (clock.today(), len(catalogues.shelf.versions))
        if now == self._settled:
            return 0
        try:
            async with self.engine.begin() as conn:
                turn = await self._next(conn)
                if turn is None:
                    self._settled = now
                    return 0
                return await self._sweep(conn, turn)
        except Exception as problem:
            if away(problem):
                raise Unavailable(str(problem)) from problem
            raise

    async def _next(self, conn: AsyncConnection) -> Turn | None:
        """The first turn that was not swept to its end."""
        shelf = self.books.catalogues.shelf
        known = await store.done(conn)
        due = [turn for turn in shelf.turns(clock.today()) if (turn.version, turn.on) not in known]
        first = [turn.kind == "begins" and shelf.before(turn.version) is None for turn in due]
        await store.enter(conn, list(zip(due, first, strict=True)), clock.now())
        return next((turn for turn, nothing in zip(due, first, strict=True) if not nothing), None)

    async def _sweep(self, conn: AsyncConnection, turn: Turn) -> int:
        after = None if await catching_up(conn) else await store.take(conn, turn)
        change = self._change(turn)
        if after is None or change is None:
            return 0
        reaches = change.known[turn.version].content.manifest.reaches
        adds = turn.kind == "begins" and reaches == "active"
        codes = await store.subjects(conn, after, active=adds, most=self.at_once)
        if not codes:
            await store.move(conn, turn, after=None, at=clock.now())
            logger().info("catalogue.swept", version=turn.version, turned_on=turn.on.isoformat())
            return 1
        part = Part(conn, change, await store.lock(conn, codes), turn.version)
        duties = Duties(conn, self.books, await current_epoch(conn))
        ended = await part.end(duties)
        made = await part.add(duties) if adds else 0
        await duties.emit()
        await store.move(conn, turn, after=codes[-1], ended=ended, made=made, at=clock.now())
        return len(codes)

    def _change(self, turn: Turn) -> Change | None:
        catalogues, today = self.books.catalogues, clock.today()
        at, after = catalogues.shelf.since(turn.version), catalogues.in_force(today)
        if at is None or after is None:
            return None
        before = catalogues.shelf.before(turn.version)
        return Change(before=before, at=at, after=after, on=today, agencies=self.books.agencies, known=catalogues.known)


class Part:
    """What a turn does to some subjects, in one transaction in which they are locked."""

    def __init__(self, conn: AsyncConnection, change: Change, subjects: Mapping[str, Seated], version: str) -> None:
        self.conn = conn
        self.change = change
        self.subjects = subjects
        self.version = version
        self.staying: set[Pair] = set()

    async def end(self, duties: Duties) -> int:
        """Lifts what rests on nothing any more; gives how many, those that had no agency yet included."""
        gone: defaultdict[Ending, list[str]] = defaultdict(list)
        for each in await store.live(self.conn, self.subjects):
            if ending := self._ends(each):
                gone[ending].append(each.obligation)
        rows = await unrouted.unrouted_of(self.conn, self.subjects)
        dropped = [row for row in rows if self._ends(row)]
        await unrouted.routed(self.conn, dropped)
        for ending, ids_ in gone.items():
            found = await obligations.by_id(self.conn, ids_)
            await duties.books.catalogues.have({o.catalogue for o in found.values()})
            await duties.lift_some(list(found.values()), reason(ending, self.version))
        return sum(map(len, gone.values())) + len(dropped)

    def _ends(self, row: store.Live | Unrouted) -> Ending | None:
        subject = self.subjects[row.organisation_code]
        duty = Duty(
            item=row.item, measure=row.measure, department=row.department, catalogue=row.catalogue,
            seat=subject.seat, kind=subject.kind, subject_class=subject.of.subject_class,
        )  # fmt: skip
        ending = self.change.ends(duty)
        if ending is None:
            self.staying.add((row.record, row.measure, self.change.department(duty)))
        return ending

    async def add(self, duties: Duties) -> int:
        """Begins what the turn adds to records in force; gives how many, those that have no agency yet included."""
        wanted = [pair for record in await store.active(self.conn, self.subjects) for pair in self._added(record)]
        keys = {(row.organisation_code, row.record) for row, _ in wanted}
        facts = await routing.records(self.conn, keys)
        rounds = await routing.rounds(self.conn, {(row.organisation_code, row.case_id) for row, _ in wanted})
        new: list[Obligation] = []
        nobody: list[Unrouted] = []
        for row, plan in wanted:
            suspended, begun_on = facts[row.organisation_code, row.record]
            until = duties.planner.term_until(row, begun_on)
            if until and until < self.change.on.isoformat():
                continue
            if plan.agency is None:
                nobody.append(row)
                continue
            last = rounds.get((row.case_id, row.measure, plan.agency), 0)
            new.append(duties.planner.first(row, plan, Place(round=last + 1, suspended=suspended, term_until=until)))
        await self._open(
            duties, [*((o.organisation_code, o.case_id, o.record, o.item) for o in new), *map(_case, nobody)]
        )
        await unrouted.leave_unrouted(self.conn, nobody)
        await duties.begin(new)
        return len(new) + len(nobody)

    async def _open(self, duties: Duties, cases: Sequence[tuple[str, str, str, str]]) -> None:
        await obligations.open_cases(self.conn, sorted(set(cases)), duties.at)

    def _added(self, record: Active) -> list[tuple[Unrouted, Planned]]:
        subject = self.subjects[record.organisation_code]
        return [
            (_row(record, plan), plan)
            for plan in self.change.adds(record.item, record.event, subject.seat, subject.kind, subject.of)
            if (record.record, plan.measure_id, plan.department) not in self.staying
        ]


def _row(record: Active, plan: Planned) -> Unrouted:
    return Unrouted(
        record.organisation_code, ids.case_id(record.record), record.record, record.item, plan.measure_id,
        plan.department, plan.catalogue,
    )  # fmt: skip


def _case(row: Unrouted) -> tuple[str, str, str, str]:
    return row.organisation_code, row.case_id, row.record, row.item
