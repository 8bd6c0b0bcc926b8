"""Understands answers that agencies write to their own topics: sound ones go on, others come back as refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from credithub import clock, topics
from credithub.crashpoints import crashpoint
from credithub.db import outbox
from credithub.db.engine import AsyncConnection
from credithub.domain.notifications import Feedback, JsonObject, Notification
from credithub.domain.persons import contains_person_number, mask
from credithub.domain.reasons import Reason
from credithub.http.strictjson import BadJson, JsonLimits, loads
from credithub.kafka.consumer import Record
from credithub.schemas import faults
from services.notifier.store.taking import open_batch, write_batch

KIND = "obligation.feedback"
TYPE = f"credithub.{KIND}.v1"
LIMITS = JsonLimits(size=64 * 1024, depth=8, string=4_096, keys=64, values=256)
UNKNOWN = "-"  # stands for an obligation that could not be read
MOST_REASONS = 20

Write = Callable[[AsyncConnection], Awaitable[Mapping[str, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an answer goes no further, with as much of it as was sound."""

    obligation: str
    epoch: int
    version: int
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class OnAgencyFeedback:
    """The handler of `credit.agency.<id>.feedback`: no content of a record can stall it, or be an exception."""

    available: frozenset[str]
    schemas: Path | None = None

    async def __call__(self, records: Sequence[Record]) -> Write:
        read = [(record, self._judge(record)) for record in records]
        sound = [answer for _, answer in read if isinstance(answer, Feedback)]
        refused = [_refused(record, answer) for record, answer in read if isinstance(answer, Refusal)]

        async def write(conn: AsyncConnection) -> Mapping[str, int]:
            epoch = await outbox.current_epoch(conn)
            await outbox.put(conn, "notifier", epoch, [_outgoing(answer) for answer in sound])
            if refused:
                batch = await open_batch(conn, refused, self.available)
                batch.take_all(refused)
                await write_batch(conn, batch)
            crashpoint("notifier.after_feedback_before_commit")
            return {"feedback": len(sound), "feedback-refused": len(refused)}

        return write

    def _judge(self, record: Record) -> Feedback | Refusal:
        try:
            value = loads(record.value, LIMITS)
        except BadJson as bad:
            return _refusal({}, Reason(code=bad.code, field=bad.where))
        data = _data(value)
        if isinstance(data, Reason):
            return _refusal({}, data)
        named = data.pop("agency", None)
        if named is not None and named != agency_of(record.topic):
            return _refusal(data, Reason(code="owner-not-allowed", field="agency"))
        reasons = faults(KIND, data, self.schemas) or _person_faults(data)
        return _refusal(data, *reasons) if reasons else _sound(record, data)


def agency_of(topic: str) -> str:
    """Whose topic it is; only that agency can write there."""
    return topic.removeprefix(topics.AGENCY_PREFIX).removesuffix(".feedback")


def _data(value: object) -> JsonObject | Reason:
    """The answer itself: either the whole record, or the `data` of a structured CloudEvent."""
    if not isinstance(value, dict):
        return Reason(code="type-wrong")
    found = cast("JsonObject", value)
    if "specversion" not in found:
        return dict(found)
    if found.get("type") != TYPE:
        return Reason(code="kind-unknown", field="type")
    if not isinstance(found.get("data"), dict):
        return Reason(code="type-wrong", field="data")
    return dict(cast("JsonObject", found["data"]))


def _sound(record: Record, data: Mapping[str, Any]) -> Feedback:
    document = cast("JsonObject | None", data.get("document"))
    return Feedback(
        id=f"{record.topic}:{record.partition}:{record.offset}",
        agency=agency_of(record.topic),
        obligation=data["obligation"],
        epoch=data["epoch"],
        version=data["version"],
        answer=data["answer"],
        reason=data.get("reason"),
        document=_masked(document) if document else None,
        happened_on=data.get("happened_on"),
        received_at=clock.stamp(),
        via="kafka",
    )


def _person_faults(data: Mapping[str, Any]) -> list[Reason]:
    """Nobody's number is an obligation's or a reason's; such an answer goes nowhere."""
    return [
        Reason(code="person-number-in-field", field=field)
        for field in ("obligation", "reason")
        if contains_person_number(data.get(field) or "")
    ]


def _masked(document: JsonObject) -> JsonObject:
    """A citizen's number in a document's number or address goes no further."""
    return {name: mask(value) if isinstance(value, str) else value for name, value in document.items()}


def _refusal(data: Mapping[str, Any], *reasons: Reason) -> Refusal:
    obligation, epoch, version = data.get("obligation"), data.get("epoch"), data.get("version")
    shown = isinstance(obligation, str) and 0 < len(obligation) <= 64 and not contains_person_number(obligation)
    return Refusal(
        obligation=cast("str", obligation) if shown else UNKNOWN,
        epoch=_number(epoch, 0),
        version=_number(version, 1),
        reasons=reasons[:MOST_REASONS],
    )


def _number(value: object, least: int) -> int:
    fits = isinstance(value, int) and not isinstance(value, bool) and least <= value < 2**31
    return cast("int", value) if fits else least


def _refused(record: Record, refusal: Refusal) -> Notification:
    """Names the place of the answer in the topic, and nothing that the agency did not say itself."""
    place = f"{record.topic}:{record.partition}:{record.offset}"
    first = refusal.reasons[0]
    return Notification(
        message=f"refused.{place}",
        kind="feedback-refused",
        agency=agency_of(record.topic),
        obligation=refusal.obligation,
        epoch=refusal.epoch,
        version=refusal.version,
        state="triggered",
        lane="rest",
        case="",
        round=0,
        measure={},
        subject={},
        record={},
        due_on=None,
        catalogue="",
        rule="",
        issued_at=clock.stamp(),
        reason={
            "code": first.code,
            "feedback": place,
            "reasons": [{"code": reason.code, "field": reason.field} for reason in refusal.reasons],
        },
    )


def _outgoing(answer: Feedback) -> outbox.Outgoing:
    return outbox.Outgoing(
        topic=topics.FEEDBACK.name,
        key=answer.obligation.encode(),
        value=answer.to_bytes(),
        order_by=answer.obligation,
    )
