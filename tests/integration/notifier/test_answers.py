"""Agencies' answers on their own topics: sound ones go on, wrong ones come back, none stalls the topic."""

from __future__ import annotations

import orjson
import pytest

from credithub.domain.checkdigits import citizen_check
from credithub.domain.notifications import Feedback
from credithub.kafka.consumer import Record
from services.notifier.on_agency_feedback import OnAgencyFeedback
from services.notifier.store.connection import transaction
from tests.integration.notifier.conftest import Room

ANSWER = {"obligation": "obl_one", "epoch": 1, "version": 1, "answer": "executed"}
POISON = {
    "nothing": b"",
    "no JSON": b"<xml/>",
    "a list": b"[]",
    "a text": b'"executed"',
    "not UTF-8": b"\xff\xfe{",
    "a NUL": b'{"obligation":"a\\u0000b","epoch":1,"version":1,"answer":"executed"}',
    "a key twice": b'{"obligation":"obl_one","obligation":"obl_two","epoch":1,"version":1,"answer":"executed"}',
    "not a number": b'{"obligation":"obl_one","epoch":1,"version":NaN,"answer":"executed"}',
    "no version": orjson.dumps({**ANSWER, "version": None}),
    "a version far too high": orjson.dumps({**ANSWER, "version": 2**40}),
    "an unknown answer": orjson.dumps({**ANSWER, "answer": "ignored"}),
    "declined without reason": orjson.dumps({**ANSWER, "answer": "declined"}),
    "a field of ours": orjson.dumps({**ANSWER, "received_at": "2026-01-01T00:00:00Z"}),
    "another agency's name": orjson.dumps({**ANSWER, "agency": "someone-130822"}),
    "another event": orjson.dumps({"specversion": "1.0", "type": "credithub.licence.granted.v1", "data": ANSWER}),
    "an event without data": orjson.dumps({"specversion": "1.0", "type": "credithub.obligation.feedback.v1"}),
    "nested without end": b"[" * 5000,
    "a surrogate": b'{"obligation":"\\ud800","epoch":1,"version":1,"answer":"executed"}',
}


def record(agency: str, value: bytes, offset: int = 0) -> Record:
    return Record(f"credit.agency.{agency}.feedback", 0, offset, b"k", value, 0)


async def answer(room: Room, *records: Record) -> dict[str, int]:
    write = await OnAgencyFeedback(frozenset({"kafka", "pull"}))(records)
    async with transaction(room.engine) as conn:
        return dict(await write(conn))


async def forwarded(room: Room) -> list[Feedback]:
    rows = await room.database.rows("SELECT value FROM notifier.outbox WHERE topic = 'credit.feedback' ORDER BY id")
    return [Feedback.from_bytes(bytes(row["value"])) for row in rows]  # type: ignore[arg-type]


async def refusals(room: Room) -> list[dict[str, object]]:
    rows = await room.database.rows("SELECT payload FROM notifier.notifications ORDER BY number")
    return [orjson.loads(str(row["payload"])) for row in rows]


async def test_a_sound_answer_goes_on_under_an_id_made_of_its_place(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    assert await answer(room, record(agency, orjson.dumps(ANSWER), 7)) == {"feedback": 1, "feedback-refused": 0}
    (sent,) = await forwarded(room)
    assert sent.id == f"credit.agency.{agency}.feedback:0:7"
    assert (sent.agency, sent.obligation, sent.answer, sent.via) == (agency, "obl_one", "executed", "kafka")


async def test_an_answer_may_come_as_a_structured_cloudevent_and_may_name_its_own_agency(
    room: Room, agency: str
) -> None:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "//agency",
        "type": "credithub.obligation.feedback.v1",
        "data": {**ANSWER, "agency": agency},
    }
    await answer(room, record(agency, orjson.dumps(event)))
    assert [sent.answer for sent in await forwarded(room)] == ["executed"]


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
async def test_a_malformed_answer_comes_back_refused_and_the_next_one_goes_on(
    room: Room, agency: str, poison: bytes
) -> None:
    await room.register(agency, "kafka")
    counts = await answer(room, record(agency, poison, 3), record(agency, orjson.dumps(ANSWER), 4))
    assert counts == {"feedback": 1, "feedback-refused": 1}
    (refused,) = await refusals(room)
    assert refused["message"] == f"refused.credit.agency.{agency}.feedback:0:3"
    assert refused["reason"]["code"]  # type: ignore[index]
    assert (await room.deliveries()) == {(refused["message"], "kafka"): "due"}


async def test_the_same_malformed_record_read_again_is_refused_once(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    for _ in range(2):
        await answer(room, record(agency, b"{}", 3))
    assert len(await refusals(room)) == 1


async def test_no_number_of_a_person_goes_on_or_comes_back(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    number = "13082219900101123" + citizen_check("13082219900101123")
    sound = {**ANSWER, "document": {"number": f"文 {number} 号", "date": "2026-07-01"}}
    await answer(
        room,
        record(agency, orjson.dumps(sound), 1),
        record(agency, orjson.dumps({**ANSWER, "obligation": number, "answer": number}), 2),
        record(agency, orjson.dumps({**ANSWER, number: "x"}), 3),
        record(agency, orjson.dumps({**ANSWER, "obligation": number}), 4),
    )
    kept = orjson.dumps([await refusals(room), *[sent.document for sent in await forwarded(room)]]).decode()
    assert number not in kept
    assert "证件号码已隐去" in kept
