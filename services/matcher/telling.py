"""Understands how what happened to obligations becomes notifications in the outbox, cut to what each measure grants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from credithub import clock, topics
from credithub.db import outbox
from credithub.db.engine import AsyncConnection
from credithub.domain.notifications import Feedback, Kind, Notification
from services.matcher.books import Books
from services.matcher.rules import moves
from services.matcher.rules.moves import JsonObject, Obligation
from services.matcher.store import duties as store
from services.matcher.store.duties import About

SCHEMA = "matcher"
News = tuple[Obligation, Kind, JsonObject | None]  # what became of it, how it is told, why


@dataclass(slots=True)
class Telling:
    """What one transaction has to tell, in its order."""

    news: list[News] = field(default_factory=list[News])
    apart: list[Notification] = field(default_factory=list[Notification])  # of an answer, or to a superior

    def of(self, obligations: Iterable[Obligation], kind: Kind, reason: JsonObject | None = None) -> None:
        self.news.extend((obligation, kind, reason) for obligation in obligations)

    async def emit(self, conn: AsyncConnection, books: Books, epoch: int) -> None:
        """Writes all of it; what was told is told no more."""
        if not self.news and not self.apart:
            return
        await books.catalogues.have({o.catalogue for o, _, _ in self.news})
        about = await store.about(conn, {(o.organisation_code, o.record) for o, _, _ in self.news})
        issued_at = clock.stamp()
        messages = [_outgoing(n, n.obligation) for n in self.apart]
        for obligation, kind, reason in self.news:
            fact = about[obligation.organisation_code, obligation.record]
            record = _granted(books, obligation, fact)
            told = moves.tell(obligation, kind, subject=fact.subject, record=record, issued_at=issued_at, reason=reason)
            messages.append(_outgoing(told, obligation.organisation_code))
        await outbox.put(conn, SCHEMA, epoch, messages)
        self.news.clear()
        self.apart.clear()


def _granted(books: Books, obligation: Obligation, fact: About) -> JsonObject:
    catalogue = books.catalogue(obligation.catalogue)
    return {**fact.record, "data": catalogue.grant(obligation.item, obligation.measure, fact.data)}


def _outgoing(notification: Notification, order_by: str) -> outbox.Outgoing:
    ends = notification.lane == "ends"
    return outbox.Outgoing(
        topic=(topics.ENDS if ends else topics.NOTIFICATIONS).name,
        key=notification.agency.encode(),
        value=notification.to_bytes(),
        order_by=order_by,
        first=ends,
    )


def refusal(answer: Feedback, obligation: Obligation, code: str) -> Notification:
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
