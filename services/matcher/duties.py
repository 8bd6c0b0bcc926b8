"""Understands how a fact becomes obligations, and how every change of one becomes a notification with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from credithub import clock, ids
from credithub.db.engine import AsyncConnection
from credithub.domain.notifications import Feedback, Kind
from credithub.domain.routing import Planned
from services.matcher.books import Books
from services.matcher.planning import Place, Planner, begun_on, of_obligation, received_on, unrouted
from services.matcher.rules import answers as rules
from services.matcher.rules import falling, moves
from services.matcher.rules.filing import Filed, Subject
from services.matcher.rules.moves import JsonObject, Obligation
from services.matcher.store import answers as filing
from services.matcher.store import duties as store
from services.matcher.store import moments, routing
from services.matcher.store import unrouted as waiting
from services.matcher.store.duties import Key
from services.matcher.store.unrouted import Unrouted
from services.matcher.telling import SCHEMA, Telling, refusal

__all__ = ["REROUTED", "SCHEMA", "Duties"]

REROUTED: JsonObject = {"code": "rerouted", "text_zh": "改由其他部门执行", "text_en": "another agency acts from now on"}
Move = Callable[[Obligation], Obligation]


@dataclass(slots=True)
class Duties:
    """The obligations of one transaction, what has to be told of them, and what falls due of them."""

    conn: AsyncConnection
    books: Books
    epoch: int
    at: datetime = field(default_factory=clock.now)
    telling: Telling = field(default_factory=Telling)
    planner: Planner = field(init=False)
    _due: dict[moments.Key, date | None] = field(default_factory=dict[moments.Key, "date | None"])

    def __post_init__(self) -> None:
        self.planner = Planner(self.books, self.epoch, self.at)

    # ------------------------------------------------------------------------------------------ beginning
    async def trigger(
        self, filed: Sequence[Filed], subjects: Mapping[str, Subject], *, suspended: Collection[str] = ()
    ) -> int:
        """Opens a case for each record that calls upon someone, and plans its obligations.

        Those of the records in `suspended` are born suspended. What the measure's own term has ended is not begun.
        """
        cases: list[tuple[str, str, str, str]] = []
        new: list[Obligation] = []
        nobody: list[Unrouted] = []
        for one in filed:
            assert one.organisation_code
            assert one.record
            case = ids.case_id(one.record)
            cases.append((one.organisation_code, case, one.record, one.event.item))
            for plan in self.planner.plans(one.event.catalogue, one.event.item, subjects[one.organisation_code]):
                row = unrouted(one, case, plan)
                until = self.planner.term_until(row, begun_on(one.event))
                if until and until < received_on(one.event).isoformat():
                    continue
                if plan.agency is None:
                    nobody.append(row)
                else:
                    place = Place(suspended=one.record in suspended, term_until=until)
                    new.append(self.planner.first(row, plan, place))
        await store.open_cases(self.conn, cases, self.at)
        await waiting.leave_unrouted(self.conn, nobody)
        await self.begin(new)
        return len(new)

    async def begin(self, new: Sequence[Obligation]) -> None:
        """Adds obligations; an answer that came before its obligation was known is taken up now."""
        if not new:
            return
        await store.add(self.conn, new, self.at)
        self.telling.of(new, "triggered")
        for obligation in new:
            self._falls(None, obligation)
        early = await filing.waiting_answers(self.conn, (o.obligation for o in new))
        if early:
            await self.answer(early, {o.obligation: o for o in new}, waited=True)

    # ------------------------------------------------------------------------------------------ routing
    async def route(self, subjects: Mapping[str, Subject]) -> int:
        """Gives what was unrouted, and what another agency has by now, to the agency that the catalogue names.

        An agency that had it before gets a new obligation, of the next round; gives how many were begun.
        """
        rows = await waiting.unrouted_of(self.conn, subjects)
        live = await routing.live(self.conn, subjects)
        await self.books.catalogues.have({row.catalogue for row in (*rows, *live)})
        come = [(row, plan) for row in rows if (plan := self._agency(row, subjects)) and plan.agency]
        gone = [(o, plan) for o in live if (plan := self._agency(o, subjects)) and plan.agency != o.agency]
        if not come and not gone:
            return 0
        await self.lift_some([o for o, _ in gone], REROUTED)
        await waiting.leave_unrouted(self.conn, [of_obligation(o) for o, plan in gone if plan.agency is None])
        await waiting.routed(self.conn, [row for row, _ in come])
        moved = [(of_obligation(o), plan, o.term_until) for o, plan in gone if plan.agency]
        new = await self._rounds(come, moved)
        await self.begin(new)
        return len(new)

    async def adopt(self, wanted: Sequence[tuple[Unrouted, Planned]]) -> None:
        """Begins what records call for that did not when they came: of the next round, where there was one before."""
        cases = {(row.organisation_code, row.case_id, row.record, row.item) for row, _ in wanted}
        await store.open_cases(self.conn, sorted(cases), self.at)
        await waiting.leave_unrouted(self.conn, [row for row, plan in wanted if plan.agency is None])
        if come := [(row, plan) for row, plan in wanted if plan.agency]:
            await self.begin(await self._rounds(come, []))

    def _agency(self, row: Unrouted | Obligation, subjects: Mapping[str, Subject]) -> Planned | None:
        return self.planner.plan_of(row, subjects[row.organisation_code])

    async def _rounds(
        self, come: Sequence[tuple[Unrouted, Planned]], moved: Sequence[tuple[Unrouted, Planned, str | None]]
    ) -> list[Obligation]:
        rows = [row for row, _ in come] + [row for row, _, _ in moved]
        rounds = await routing.rounds(self.conn, ((row.organisation_code, row.case_id) for row in rows))
        known = await routing.records(self.conn, ((row.organisation_code, row.record) for row in rows))
        fresh = [
            (row, plan, self.planner.term_until(row, known[row.organisation_code, row.record][1])) for row, plan in come
        ]
        acting = await routing.acting(self.conn, ((row.organisation_code, row.case_id) for row in rows))
        new: list[Obligation] = []
        for row, plan, until in (*fresh, *moved):
            if until and until < clock.today().isoformat():
                continue
            if (
                row.case_id,
                row.measure,
                plan.agency or "",
            ) in acting:  # its region has joined: it has the duty already
                await waiting.leave_unrouted(self.conn, [row])
                continue
            last = rounds.get((row.case_id, row.measure, plan.agency or ""), 0)
            suspended, _ = known[row.organisation_code, row.record]
            place = Place(round=last + 1, suspended=suspended, term_until=until)
            new.append(self.planner.first(row, plan, place))
        return new

    # ------------------------------------------------------------------------------------------ what happens to them
    async def suspend(self, records: Sequence[Key], reason: JsonObject | None) -> int:
        """The records are in doubt: nothing is to be done for the time being, and nothing falls due."""
        return await self._of(records, self._suspended, "suspended", reason)

    async def resume(self, records: Sequence[Key], reason: JsonObject | None) -> int:
        """In force again; what was not answered is due anew, counted from today."""
        return await self._of(records, self._resumed, "resumed", reason)

    async def correct(self, records: Sequence[Key], reason: JsonObject | None = None) -> None:
        """The records have a new version: the same duties under new versions."""
        await self._of(records, self._corrected, "corrected", reason)

    async def lift(self, records: Sequence[Key], reason: JsonObject | None = None) -> int:
        """Ends the cases of these records: every obligation that may be held is told so; the unrouted are owed no more."""
        if not records:
            return 0
        ended = await self._of(records, self._lifted(reason), "lifted", reason)
        await store.close_cases(self.conn, records, self.at)
        await waiting.drop_records(self.conn, records)
        return ended

    async def lift_some(self, obligations: Sequence[Obligation], reason: JsonObject | None) -> int:
        """Ends these obligations; their cases go on."""
        return await self.move(obligations, self._lifted(reason), "lifted", reason)

    async def reissue(self, obligations: Sequence[Obligation], reason: JsonObject | None = None) -> int:
        """Tells them once more, above what a restore cut off (interleavings 36)."""
        return await self.move(obligations, self._reissued, "reissued", reason)

    def _suspended(self, obligation: Obligation) -> Obligation:
        return moves.suspended(obligation, self.epoch, self.at, asked=self.planner.asked(obligation.agency))

    def _resumed(self, obligation: Obligation) -> Obligation:
        due_on = self.planner.due_on(obligation.catalogue, self.planner.measure(obligation))
        return moves.resumed(obligation, self.epoch, due_on)

    def _reissued(self, obligation: Obligation) -> Obligation:
        return moves.reissued(obligation, self.epoch, asked=self.planner.asked(obligation.agency))

    def _corrected(self, obligation: Obligation) -> Obligation:
        return moves.corrected(obligation, self.epoch, asked=self.planner.asked(obligation.agency))

    def _lifted(self, reason: JsonObject | None) -> Move:
        return lambda o: moves.lifted(o, self.epoch, self.at, reason, asked=self.planner.asked(o.agency))

    async def _of(self, records: Sequence[Key], move: Move, kind: Kind, reason: JsonObject | None) -> int:
        if not records:
            return 0
        live = [o for o in await store.of_records(self.conn, records) if not o.over]
        await self.books.catalogues.have({o.catalogue for o in live})
        return await self.move(live, move, kind, reason)

    async def move(
        self, obligations: Sequence[Obligation], move: Move, kind: Kind, reason: JsonObject | None = None
    ) -> int:
        """Moves those that the move concerns, and tells their agencies."""
        pairs = [(before, after) for before in obligations if (after := move(before)) != before]
        await self.change(pairs)
        self.telling.of((after for _, after in pairs), kind, reason)
        return len(pairs)

    # ------------------------------------------------------------------------------------------ answers
    async def answer(self, answers: Sequence[Feedback], known: dict[str, Obligation], *, waited: bool = False) -> None:
        """Applies answers in their order; a wrong one comes back to its agency as `feedback-refused`."""
        outcomes: list[tuple[Feedback, str, str | None]] = []
        before = dict(known)
        for answer in answers:
            obligation = known.get(answer.obligation)
            if obligation is None:
                outcomes.append((answer, "waiting", None))
                continue
            after = rules.answered(obligation, answer, self._decline_reasons(obligation), self.at, epoch=self.epoch)
            if isinstance(after, rules.Refused):
                outcomes.append((answer, "refused", after.code))
                self.telling.apart.append(refusal(answer, obligation, after.code))
                continue
            outcomes.append((answer, "accepted", None))
            known[answer.obligation] = after
        await self.change([(was, known[name]) for name, was in before.items() if known[name] != was])
        if waited:
            await filing.decided(self.conn, [(a.id, outcome, refused) for a, outcome, refused in outcomes])
        else:
            await filing.file_feedback(self.conn, outcomes)

    def _decline_reasons(self, obligation: Obligation) -> list[str]:
        return [reason.code for reason in self.books.catalogue(obligation.catalogue).decline_reasons]

    # ------------------------------------------------------------------------------------------ writing
    async def change(self, pairs: Sequence[tuple[Obligation, Obligation]]) -> None:
        """Writes obligations, given as they were and as they are, with what falls due of them."""
        await store.change(self.conn, [after for _, after in pairs], self.at)
        for before, after in pairs:
            self._falls(before, after)

    def falls_due(self, obligation: Obligation, kind: str, day: date | None) -> None:
        """This moment of the obligation comes on that day; None: no more."""
        self._due[obligation.organisation_code, kind, obligation.obligation] = day

    def _falls(self, before: Obligation | None, after: Obligation) -> None:
        for kind, day in falling.moments(before, after, self._first_reminder):
            self.falls_due(after, kind, day)

    def _first_reminder(self, obligation: Obligation) -> date:
        return self.books.own_period(obligation.catalogue, "remind-every")

    async def emit(self) -> None:
        """Writes all notifications into the outbox, and what falls due into its queue."""
        await moments.drop(self.conn, [key for key, day in self._due.items() if day is None])
        await moments.put(self.conn, [(*key, day) for key, day in self._due.items() if day is not None])
        self._due.clear()
        await self.telling.emit(self.conn, self.books, self.epoch)
