"""Understands that events made by a CloudEvents SDK not written here come in unchanged, in all three modes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from credithub.http.cloudevents import Envelope, parse

pytestmark = pytest.mark.contract

DATA: dict[str, Any] = {"subject": {"name": "演示甲公司", "unified_code": "91130800PDY900077X"}, "n": [1, None, True]}


def an_sdk_event(**changes: Any) -> CloudEvent:
    attributes: dict[str, Any] = {
        "id": '号 1/%25"é😀',
        "source": "//mnr-130822/approvals?x=%E6%BC%94",
        "type": "credithub.penalty.imposed.v1",
        "specversion": "1.0",
        "subject": "演示 甲",
        "time": datetime(2026, 11, 22, 8, 0, 0, 123456, tzinfo=UTC),
        "datacontenttype": "application/json",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    return CloudEvent(attributes | changes, DATA)


def received(message: http.HTTPMessage) -> list[Envelope]:
    headers = [(name.encode(), value.encode()) for name, value in message.headers.items()]
    entries = parse(headers, message.body)
    assert all(isinstance(entry, Envelope) for entry in entries), entries
    return [entry for entry in entries if isinstance(entry, Envelope)]


def as_sent(envelope: Envelope) -> tuple[object, ...]:
    return (envelope.id, envelope.source, envelope.kind, envelope.subject, envelope.data)


SENT = ('号 1/%25"é😀', "//mnr-130822/approvals?x=%E6%BC%94", "penalty.imposed", "演示 甲", DATA)


@pytest.mark.parametrize("mode", [http.to_structured, http.to_binary])
def test_one_event_of_the_sdk_comes_in(mode: Any) -> None:
    (envelope,) = received(mode(an_sdk_event(), JSONFormat()))
    assert as_sent(envelope) == SENT
    assert envelope.time is not None
    assert datetime.fromisoformat(envelope.time) == datetime(2026, 11, 22, 8, 0, 0, 123456, tzinfo=UTC)


def test_a_batch_of_the_sdk_comes_in() -> None:
    events = [an_sdk_event(id=f"e{n}") for n in range(3)]
    envelopes = received(_batch(events))
    assert [envelope.id for envelope in envelopes] == ["e0", "e1", "e2"]
    assert [envelope.data for envelope in envelopes] == [DATA] * 3


def test_all_modes_give_one_digest() -> None:
    event = an_sdk_event()
    messages = [http.to_structured(event, JSONFormat()), http.to_binary(event, JSONFormat()), _batch([event])]
    assert len({envelope.digest() for message in messages for envelope in received(message)}) == 1


def test_the_least_that_the_sdk_sends_comes_in() -> None:
    event = CloudEvent({"type": "credithub.licence.granted.v1", "source": "/x", "id": "1", "specversion": "1.0"}, DATA)
    for mode in (http.to_structured, http.to_binary):
        message = mode(event, JSONFormat())
        if mode is http.to_binary:  # HTTP itself asks for a Content-Type where there is a body
            message.headers.setdefault("content-type", "application/json")
        assert received(message)[0].data == DATA


def _batch(events: list[CloudEvent]) -> http.HTTPMessage:
    """The SDK has no batch of its own yet: an array of what it writes, as the JSON format says."""
    bodies = [http.to_structured(event, JSONFormat()).body for event in events]
    return http.HTTPMessage({"content-type": "application/cloudevents-batch+json"}, b"[" + b",".join(bodies) + b"]")
