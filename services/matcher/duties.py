"""Understands how a fact becomes obligations, and how every change of one becomes a notification with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from credithub import clock, ids, topics
from credithub.db import outbox
from credithub.db.engine import AsyncConnection
from credithub.domain.notifications import Feedback, Kind, Notification
from credithub.domain.routing import Planned, obligations_for
from services.matcher.books import Books
from services.matcher.rules import moves
from services.matcher.rules.filing import Filed, Subject
from services.matcher.rules.moves import JsonObject, Obligation
from services.matcher.store import duties as store
from services.matcher.store.duties import About, Unrouted

SCHEMA = "matcher"


@dataclass(slots=True)
class Duties:
    """The obligations of one transaction, and what has to be told of them."""

    conn: AsyncConnection
    books: Books
    epoch: int
    told: list[tuple[Obligation, Kind]] = field(default_factory=list[tuple[Obligation, Kind]])
    refused: list[Notification] = field(default_factory=list[Notification])

    async def trigger(self, filed: Sequence[Filed], subjects: dict[str, Subject]) -> int:
        """Opens a case for each record that calls upon someone, and plans its obligations."""
        cases: list[tuple[str, str, str, str]] = []
        new: list[Obligation] = []
        unrouted: list[Unrouted] = []
        for one in filed:
            assert one.organisation_code
            assert one.record
            case = ids.case_id(one.record)
            cases.append((one.organisation_code, case, one.record, one.event.item))
            for plan in self._plans(one.event.catalogue, one.event.item, subjects[one.organisation_code]):
                row = _unrouted(one, case, plan)
                if plan.agency is None:
                    unrouted.append(row)
                else:
                    new.append(self._first(row, plan))
        await store.open_cases(self.conn, cases)
        await store.leave_unrouted(self.conn, unrouted)
        await self._begin(new)
        return len(new)

    async def route(self, subjects: dict[str, Subject]) -> int:
        """Gives what was unrouted to the agencies that are known now."""
        rows = await store.unrouted_of(self.conn, subjects)
        new: list[Obligation] = []
        done: list[Unrouted] = []
        for row in rows:
            plan = self._plan_of(row, subjects[row.organisation_code])
            if plan is not None and plan.agency is not None:
                new.append(self._first(row, plan))
                done.append(row)
        await store.routed(self.conn, done)
        await self._begin(new)
        return len(new)

    async def lift(self, records: Sequence[tuple[str, str]]) -> int:
        """Ends the cases of these records: every obligation that may be held is told so."""
        if not records:
            return 0
        ended = [
            moves.lifted(o, self.epoch) for o in await store.of_records(self.conn, records) if o.state not in moves.OVER
        ]
        await store.change(self.conn, ended)
        await store.close_cases(self.conn, records)
        self._tell(ended, "lifted")
        return len(ended)

    async def correct(self, records: Sequence[tuple[str, str]]) -> None:
        """A record has a new version: the same duties under new versions."""
        if not records:
            return
        changed = [
            moves.corrected(o, self.epoch)
            for o in await store.of_records(self.conn, records)
            if o.state not in moves.OVER
        ]
        await store.change(self.conn, changed)
        self._tell(changed, "corrected")

    async def emit(self) -> None:
        """Writes all notifications into the outbox, cut to what each measure grants."""
        if not self.told and not self.refused:
            return
        about = await store.about(self.conn, {(o.organisation_code, o.record) for o, _ in self.told})
        issued_at = clock.stamp()
        messages = [_outgoing(n, n.obligation) for n in self.refused]
        for obligation, kind in self.told:
            fact = about[obligation.organisation_code, obligation.record]
            notification = moves.tell(
                obligation, kind, subject=fact.subject, record=self._granted(obligation, fact), issued_at=issued_at
            )
            messages.append(_outgoing(notification, obligation.organisation_code))
        await outbox.put(self.conn, SCHEMA, self.epoch, messages)

    def _tell(self, obligations: Iterable[Obligation], kind: Kind) -> None:
        self.told.extend((obligation, kind) for obligation in obligations)

    def _granted(self, obligation: Obligation, fact: About) -> JsonObject:
        catalogue = self.books.catalogue(obligation.catalogue)
        return {**fact.record, "data": catalogue.grant(obligation.item, obligation.measure, fact.data)}

    async def _begin(self, new: Sequence[Obligation]) -> None:
        """Adds obligations; an answer that came before its obligation was known is taken up now."""
        if not new:
            return
        await store.add(self.conn, new)
        self._tell(new, "triggered")
        waiting = await store.waiting_answers(self.conn, (o.obligation for o in new))
        if waiting:
            await self.answer(waiting, {o.obligation: o for o in new}, waited=True)

    async def answer(self, answers: Sequence[Feedback], known: dict[str, Obligation], *, waited: bool = False) -> None:
        """Applies answers in their order; a wrong one comes back to its agency as `feedback-refused`."""
        outcomes: list[tuple[Feedback, str, str | None]] = []
        changed: dict[str, Obligation] = {}
        for answer in answers:
            obligation = known.get(answer.obligation)
            if obligation is None:
                outcomes.append((answer, "waiting", None))
                continue
            after = moves.answered(obligation, answer, self._decline_reasons(obligation))
            if isinstance(after, moves.Refused):
                outcomes.append((answer, "refused", after.code))
                self.refused.append(_refusal(answer, obligation, after.code))
                continue
            outcomes.append((answer, "accepted", None))
            if after != obligation:
                known[answer.obligation] = changed[answer.obligation] = after
        await store.change(self.conn, list(changed.values()))
        if waited:
            await store.decided(self.conn, [(a.id, outcome, refusal) for a, outcome, refusal in outcomes])
        else:
            await store.file_feedback(self.conn, outcomes)

    def _decline_reasons(self, obligation: Obligation) -> list[str]:
        return [reason.code for reason in self.books.catalogue(obligation.catalogue).decline_reasons]

    def _plans(self, version: str, item: str, subject: Subject) -> tuple[Planned, ...]:
        kind = "sole-trader" if subject.kind == "sole-trader" else "organisation"
        return obligations_for(self.books.catalogue(version), item, subject.seat, self.books.agencies, kind)

    def _plan_of(self, row: Unrouted, subject: Subject) -> Planned | None:
        plans: Iterable[Planned] = self._plans(row.catalogue, row.item, subject)
        return next((p for p in plans if p.measure_id == row.measure and p.department == row.department), None)

    def _first(self, row: Unrouted, plan: Planned) -> Obligation:
        """The obligation at its first version, now that its agency is known."""
        measure = self.books.catalogue(row.catalogue).measure(row.measure)
        assert measure is not None
        assert plan.agency is not None
        due_on = self.books.due_on(row.catalogue, measure.due_working_days) if measure.mandatory else None
        return Obligation(
            organisation_code=row.organisation_code,
            obligation=ids.obligation_id(row.case_id, row.measure, plan.agency, 1),
            case_id=row.case_id, record=row.record, item=row.item, measure=row.measure, department=row.department,
            agency=plan.agency, round=1, epoch=self.epoch, version=1, state="triggered", suspended=False,
            executed=False, mandatory=measure.mandatory, due_on=due_on, answer=None, reason=None,
            catalogue=row.catalogue,
            explain=moves.measure_as_told(measure, plan),
        )  # fmt: skip


def _unrouted(filed: Filed, case: str, plan: Planned) -> Unrouted:
    assert filed.organisation_code
    assert filed.record
    return Unrouted(
        filed.organisation_code, case, filed.record, filed.event.item, plan.measure_id, plan.department,
        filed.event.catalogue,
    )  # fmt: skip


def _outgoing(notification: Notification, order_by: str) -> outbox.Outgoing:
    ends = notification.lane == "ends"
    return outbox.Outgoing(
        topic=(topics.ENDS if ends else topics.NOTIFICATIONS).name,
        key=notification.agency.encode(),
        value=notification.to_bytes(),
        order_by=order_by,
        first=ends,
    )


def _refusal(answer: Feedback, obligation: Obligation, code: str) -> Notification:
    """Tells the sender, not the obligation's agency, and nothing that the sender did not say itself."""
    mine = answer.agency == obligation.agency
    return Notification(
        message=f"refused.{answer.id}",
        kind="feedback-refused",
        agency=answer.agency,
        obligation=answer.obligation,
        epoch=answer.epoch,
        version=answer.version,
        state="triggered",
        lane="rest",
        case=obligation.case_id if mine else "",
        round=obligation.round if mine else 0,
        measure=obligation.explain["measure"] if mine else {},
        subject={},
        record={},
        due_on=None,
        catalogue=obligation.catalogue if mine else "",
        rule="",
        issued_at=clock.stamp(),
        reason={"code": code, "feedback": answer.id, "answer": answer.answer},
    )
