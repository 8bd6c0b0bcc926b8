"""Understands CloudEvents 1.0 over HTTP: one event structured or binary, or a batch, each entry judged by itself.

Extension attributes are checked for form and then let go: nothing of them is kept. `data` is only seen to be an object;
what stands in it is ingest's to judge.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias, cast
from urllib.parse import unquote_to_bytes

from credithub.domain.events import KIND_OF_TYPE, JsonObject, digest_of
from credithub.domain.persons import contains_person_number
from credithub.domain.reasons import Reason
from credithub.http.problem import Problem
from credithub.http.strictjson import LIMITS, BadJson, JsonLimits, loads, loads_many

Mode: TypeAlias = Literal["structured", "binary", "batch"]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]  # as ASGI gives them: names in lower case

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LONGEST = {"id": 256, "source": 512, "subject": 256, "type": 256}  # bytes of UTF-8: all of them stand in index rows

_CONTEXT = frozenset({"specversion", "id", "source", "type", "subject", "time", "datacontenttype", "dataschema"})
_NAME = re.compile(r"[a-z0-9]{1,64}")
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")  # CloudEvents 1.0, type String
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d):(\d\d)(\.\d{1,12})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII)
_JSON_TYPE = re.compile(r"application/([a-z0-9.+-]+\+)?json(; *charset=\"?utf-8\"?)? *", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An entry whose envelope is sound."""

    index: int
    id: str
    source: str
    type: str
    kind: str
    subject: str | None
    time: str | None
    data: JsonObject

    def digest(self) -> str:
        return digest_of(self.kind, self.subject, self.data)

    def body(self) -> JsonObject:
        """What travels on as SubmittedEntry.body."""
        return {
            "type": self.type, "source": self.source, "id": self.id,
            "subject": self.subject, "time": self.time, "data": self.data,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """An entry that goes no further. `id` and `source` are shown only where they are sound themselves."""

    index: int
    id: str | None
    source: str | None
    reasons: tuple[Reason, ...]


Entry: TypeAlias = Envelope | Refusal


def parse(headers: Headers, body: bytes, *, limits: JsonLimits = LIMITS, most: int = 1_000) -> list[Entry]:
    """The request's entries in their order. Problem where the request as a whole cannot be read.

    `most`: how many entries a batch may have.
    """
    named = _lower(headers)
    mode = _mode(named)
    try:
        if mode == "batch":
            return _batch(loads_many(body, limits), most)
        value = loads(body, limits) if body or mode == "structured" else None
    except BadJson as refusal:
        raise bad_json(refusal) from None
    return [_judge(0, _from_headers(named, value)) if mode == "binary" else _judge(0, value)]


def bad_json(refusal: BadJson) -> Problem:
    """The problem to answer with when a body is no JSON that we take."""
    too_big = refusal.code in ("json-too-large", "json-too-many-values")
    reason = Reason(code=refusal.code, field=refusal.where)
    return Problem("body-too-large" if too_big else "body-unreadable", reasons=(reason,))


def _batch(entries: list[Any], most: int) -> list[Entry]:
    if not entries:
        raise Problem("batch-empty")
    if len(entries) > most:
        raise Problem("batch-too-long", most=most, found=len(entries))
    return [_judge(index, entry) for index, entry in enumerate(entries)]


def _lower(headers: Headers) -> list[tuple[str, str]]:
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]


def _mode(headers: list[tuple[str, str]]) -> Mode:
    content_type = next((value for name, value in headers if name == "content-type"), "")
    media_type, _, parameters = content_type.lower().partition(";")
    media_type = media_type.strip()
    if "charset" in parameters and "utf-8" not in parameters:
        raise Problem("charset-not-utf8")
    if media_type == STRUCTURED:
        return "structured"
    if media_type == BATCH:
        return "batch"
    binary = any(name.startswith("ce-") for name, _ in headers)
    if not binary or media_type.startswith("application/cloudevents"):
        raise Problem("not-a-cloudevent")
    return "binary"


def _from_headers(headers: list[tuple[str, str]], data: object) -> JsonObject | Reason:
    """Binary mode: `ce-` headers are the attributes, the body is `data`."""
    event: JsonObject = {"data": data}
    for header, raw in headers:
        name = "datacontenttype" if header == "content-type" else header.removeprefix("ce-")
        if name == header:
            continue
        value = raw if header == "content-type" else _decoded(raw)
        if value is None:
            return Reason(code="characters-not-allowed", field=_shown(name))
        if name in event or header == "ce-datacontenttype":
            return Reason(code="field-unknown" if name == "data" else "field-doubled", field=_shown(name))
        event[name] = value
    return event


def _decoded(raw: str) -> str | None:
    """A header's text: quotes taken off, percent-decoded once, as the HTTP binding 3.1.3.2 says."""
    if len(raw) > 1 and raw[0] == raw[-1] == '"':
        raw = re.sub(r"\\(.)", r"\1", raw[1:-1])
    if raw.isascii() and "%" not in raw:
        return raw
    try:
        return unquote_to_bytes(raw.encode("latin-1")).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _judge(index: int, event: Any) -> Entry:
    if isinstance(event, dict):
        return _judge_object(index, cast("JsonObject", event))
    if isinstance(event, BadJson):
        event = Reason(code=event.code, field=_dotted(event.where))
    reason = event if isinstance(event, Reason) else Reason(code="type-wrong", field=None)
    return Refusal(index=index, id=None, source=None, reasons=(reason,))


def _judge_object(index: int, event: JsonObject) -> Entry:
    if None in event.values():  # the JSON format lets an absent attribute be written as null
        event = {name: value for name, value in event.items() if value is not None}
    reasons = tuple(_faults(event))
    if reasons:
        bad = {reason.field for reason in reasons}
        shown = {name: None if name in bad else event[name] for name in ("id", "source")}
        return Refusal(index=index, **shown, reasons=reasons)
    get = event.get
    return Envelope(
        index=index, id=event["id"], source=event["source"], type=event["type"], kind=KIND_OF_TYPE[event["type"]],
        subject=get("subject"), time=get("time"), data=event["data"],
    )  # fmt: skip


def _faults(event: JsonObject) -> Iterator[Reason]:
    """Everything wrong with an envelope, so that a supplier mends it in one go."""
    if event.get("specversion") != "1.0":
        yield _missing_or(event, "specversion", "enumeration-unknown")
    yield from _fault_of_texts(event)
    if event.get("type") not in KIND_OF_TYPE:
        yield _missing_or(event, "type", "kind-unknown")
    if "time" in event and not _is_time(event["time"]):
        yield Reason(code="date-unreadable", field="time")
    if not isinstance(event.get("data"), dict):
        yield _fault_of_data(event)
    if len(event) > 5 and not event.keys() <= _PLAIN:
        yield from _fault_of_the_rest(event)


_PLAIN = _CONTEXT - {"datacontenttype", "dataschema"} | {"data"}


def _fault_of_texts(event: JsonObject) -> Iterator[Reason]:
    ...
