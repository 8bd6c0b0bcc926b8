"""Understands how a notification reaches an agency's own topics: a structured CloudEvent, kept once acknowledged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import orjson

from credithub.kafka.producer import Producer
from credithub.topics import agency_topic
from services.notifier.rules import Backoff
from services.notifier.store.trying import Parcel, Result

SOURCE = "//credithub"
HEADERS = (("content-type", b"application/cloudevents+json; charset=UTF-8"),)
MOST_BYTES = 1_000_000  # just below the topics' max.message.bytes


@dataclass(frozen=True, slots=True)
class KafkaChannel:
    """The producer sends HEADERS with each record."""

    producer: Producer
    name: str = "kafka"
    backoff: Backoff = field(default_factory=Backoff)

    async def deliver(self, agency: str, parcels: Sequence[Parcel]) -> list[Result]:
        records = [(key_of(parcel), cloud_event(parcel)) for parcel in parcels]
        fit = [index for index, (_, value) in enumerate(records) if len(value) <= MOST_BYTES]
        sent = await self.producer.send_all(agency_topic(agency, parcels[0].lane), [records[index] for index in fit])
        kept = dict(zip(fit, sent, strict=True))
        return [_result(parcel, kept.get(index)) for index, parcel in enumerate(parcels)]


def key_of(parcel: Parcel) -> bytes:
    """Kafka's key; one obligation's versions stay in order."""
    return (parcel.obligation or parcel.message).encode()


def cloud_event(parcel: Parcel) -> bytes:
    """CloudEvents 1.0, JSON format, the notification as data."""
    data = cast("dict[str, object]", orjson.loads(parcel.payload))
    subject = cast("dict[str, object]", data.get("subject") or {})
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": parcel.message,
            "source": SOURCE,
            "type": f"credithub.obligation.{parcel.kind}.v1",
            **({"subject": subject["unified_code"]} if subject.get("unified_code") else {}),
            "time": data["issued_at"],
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def _result(parcel: Parcel, kept: bool | None) -> Result:
    if kept is None:
        return Result(parcel=parcel, outcome="refused", detail=f"larger than {MOST_BYTES} bytes")
    return Result(parcel=parcel, outcome="delivered" if kept else "unknown", detail=None if kept else "no ack in time")
