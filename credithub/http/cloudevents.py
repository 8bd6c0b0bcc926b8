"""Understands CloudEvents 1.0 over HTTP: one event structured or binary, or a batch, each entry judged by itself.

Extension attributes are checked for form and then let go: nothing of them is kept. `data` is only seen to be an object;
what stands in it is ingest's to judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal, TypeAlias, cast
from urllib.parse import unquote_to_bytes

from credithub.domain.events import KIND_OF_TYPE, JsonObject, digest_of, type_of
from credithub.domain.persons import contains_person_number
from credithub.domain.reasons import Reason
from credithub.http.problem import Problem
from credithub.http.strictjson import LIMITS, BadJson, JsonLimits, loads, loads_many

Mode: TypeAlias = Literal["structured", "binary", "batch"]
Headers: TypeAlias = Iterable[tuple[bytes, bytes]]  # as ASGI gives them: names in lower case

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"

_NAME = re.compile(r"[a-z0-9]{1,64}")
_NO_DIGITS = bytes(byte for byte in range(256) if not 48 <= byte <= 57)
_URI = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")  # CloudEvents 1.0, type String
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:([0-5]\d|60)(\.\d{1,12})?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
_JSON_TYPE = re.compile(r"application/([a-z0-9.+-]+\+)?json(; *charset=\"?utf-8\"?)? *", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """An entry whose envelope is sound."""

    index: int
    id: str
    source: str
    kind: str
    subject: str | None
    time: str | None
    data: JsonObject

    @property
    def type(self) -> str:
        return type_of(self.kind)

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
            return Reason(code="field-doubled", field=_shown(name))
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
        place = event.where.strip("/").split("/")[1:]  # the first part is the entry's own index
        event = Reason(code=event.code, field=".".join(place) or None)
    reason = event if isinstance(event, Reason) else Reason(code="type-wrong")
    return Refusal(index=index, id=None, source=None, reasons=(reason,))


def _judge_object(index: int, event: JsonObject) -> Entry:
    if None in event.values():  # the JSON format lets an absent attribute be written as null
        event = {name: value for name, value in event.items() if value is not None}
    if reasons := tuple(_faults(event)):
        bad = {reason.field for reason in reasons}
        shown = {name: None if name in bad else event[name] for name in ("id", "source")}
        return Refusal(index=index, **shown, reasons=reasons)
    return Envelope(
        index=index,
        id=event["id"],
        source=event["source"],
        kind=KIND_OF_TYPE[event["type"]],
        subject=event.get("subject"),
        time=event.get("time"),
        data=event["data"],
    )


def _faults(event: JsonObject) -> Iterator[Reason]:
    """Everything wrong with an envelope, so that a supplier mends it in one go."""
    for name in ("specversion", "id", "source", "type"):
        if name not in event:
            yield Reason(code="required-missing", field=name)
    for name, value in event.items():
        if code := _CHECKS.get(name, _extension)(value):
            yield Reason(code=code, field=_shown(name))
        elif name not in _CHECKS and not _NAME.fullmatch(name):
            yield Reason(code="field-unknown", field=_shown(name))
    if "data" not in event and "data_base64" not in event:
        yield Reason(code="required-missing", field="data")


def _specversion(value: Any) -> str | None:
    return None if value == "1.0" else "enumeration-unknown"


def _type(value: Any) -> str | None:
    return None if isinstance(value, str) and value in KIND_OF_TYPE else "kind-unknown"


def _id(value: Any) -> str | None:
    return _text(value, 256)


def _source(value: Any) -> str | None:
    return _known_source(value) if isinstance(value, str) else "type-wrong"


@lru_cache(maxsize=1024)  # a key sends from few sources
def _known_source(value: str) -> str | None:
    return _text(value, 512) or (None if _URI.fullmatch(value) else "form-wrong")


def _text(value: Any, longest: int) -> str | None:
    """What is wrong with a text that will stand in the database, in topics and in receipts."""
    if not isinstance(value, str):
        return "type-wrong"
    if not value:
        return "required-missing"
    raw = value.encode()
    if len(raw) > longest:
        return "too-long"
    if not value.isprintable() and _UNFIT.search(value):
        return "characters-not-allowed"
    many_digits = len(raw.translate(None, _NO_DIGITS)) >= 15 or len(raw) != len(value)
    return "person-number-in-field" if many_digits and contains_person_number(value) else None


def _time(value: Any) -> str | None:
    """RFC 3339; a leap second is taken."""
    if not isinstance(value, str):
        return "type-wrong"
    if _TIME.fullmatch(value) is None:
        return "date-unreadable"
    try:
        datetime.fromisoformat(value[:16])
    except ValueError:
        return "date-unreadable"
    return None


def _content_type(value: Any) -> str | None:
    return None if isinstance(value, str) and _JSON_TYPE.fullmatch(value) else "data-not-json"


def _data(value: Any) -> str | None:
    return None if isinstance(value, dict) else "type-wrong"


def _base64(_: Any) -> str | None:
    return "data-base64-refused"


def _uri(value: Any) -> str | None:
    return None if isinstance(value, str) and _URI.fullmatch(value) else "form-wrong"


def _extension(value: Any) -> str | None:
    return None if isinstance(value, (str, bool, int)) else "type-wrong"


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "specversion": _specversion,
    "id": _id,
    "source": _source,
    "type": _type,
    "subject": _id,
    "time": _time,
    "datacontenttype": _content_type,
    "dataschema": _uri,
    "data": _data,
    "data_base64": _base64,
}


def _shown(name: str) -> str:
    """An attribute's name if it may be one; anything else may hold anything, a person's number too."""
    return name if name in _CHECKS or (_NAME.fullmatch(name) and not name.isdigit()) else "?"
