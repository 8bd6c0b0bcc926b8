"""Understands one credit event on its way: as its supplier submitted it, and as ingest made it canonical."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeAlias, TypeVar

import orjson

from credithub.domain.persons import mask
from credithub.domain.reasons import Reason
from credithub.domain.tables import SHIPPED
from credithub.domain.text import fold_document_number, fold_name

JsonObject: TypeAlias = dict[str, Any]
Message = TypeVar("Message")
Form: TypeAlias = Literal["event", "row", "manifest"]
Role: TypeAlias = Literal[  # what an event does; its schema says so as `x-role`
    "fact", "entry", "exit", "notice", "register", "change", "objection", "repair", "link", "case", "identity", "answer"
]

SUBMISSIONS_CONTEXT = b"credit.submissions"  # what entries are sealed for, so that they open nowhere else

KINDS = tuple(sorted(path.parent.name for path in SHIPPED.glob("events/*/v1.json")))  # a schema makes a kind


def type_of(kind: str) -> str:
    """The CloudEvents `type` of an event kind: `credithub.<kind>.v1`."""
    return f"credithub.{kind}.v1"


KIND_OF_TYPE = {type_of(kind): kind for kind in KINDS}


def canonical(value: object) -> bytes:
    """The one spelling of a JSON value that is hashed and signed: UTF-8, sorted keys, no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def digest_of(kind: str, subject: object, data: object) -> str:
    """Hex SHA-256 by which a repeat is told from a conflict; time, id and HTTP mode play no part.

    `subject` is CloudEvents' attribute of that name or None. A row's is `digest_of(feed, None, cells)`.
    Persons' numbers are hidden first: who knows the rest of the text would find a number in it within seconds.
    """
    content = canonical([kind, subject, data])
    if _may_hold_person_number(content):
        content = mask(content.decode()).encode()
    return hashlib.sha256(content).hexdigest()


def content_of(kind: str, name: str, document: JsonObject, data: JsonObject) -> str:
    """Hex SHA-256 of what a fact says: what makes two statements of it the same. Everything said counts, but not the
    codes that name its subject, and not how the document's number is spelled.

    `data` may hold subject and document; they are passed over. The content that a corrected fact has from then on:
    the record's own kind, name and document with the correction's data.
    """
    said = {part: value for part, value in data.items() if part not in {"subject", "document"}}
    number = document.get("number")
    folded = document | {"number": fold_document_number(number if isinstance(number, str) else "")}
    return hashlib.sha256(canonical([kind, fold_name(name), folded, said])).hexdigest()


_ZEROS = bytes.maketrans(b"123456789", b"000000000")
_BETWEEN_DIGITS = b" -._" + bytes(range(128, 256))
_FULL_WIDTH_DIGIT = re.compile(rb"\xef\xbc[\x90-\x99]")


def _may_hold_person_number(content: bytes) -> bool:
    """A look at a tenth of what `mask` costs: fourteen digits in a row once all that may stand between is left out."""
    squeezed = content.translate(_ZEROS, _BETWEEN_DIGITS)
    return b"00000000000000" in squeezed or _FULL_WIDTH_DIGIT.search(content) is not None


# Without slots: one is made for each message, and filling __dict__ at once takes a third of the time.
@dataclass(frozen=True, kw_only=True)
class SubmittedEntry:
    """One entry as it was received, stamped with the versions that will judge it. It travels encrypted.

    A manifest closes a file: `count` says how many rows went before it, `file` which file they are of.
    """

    submission: str
    index: int  # from 0, in the order of the submission
    count: int | None  # entries of the whole submission, where the gateway knows it already
    supplier: str
    source: str
    id: str
    digest: str
    received_at: str  # ISO 8601 with offset
    form: Form
    catalogue: str
    mapping: str | None  # version of the feed mapping, of rows
    allowed_items: list[str]
    body: JsonObject  # the CloudEvent's attributes and data, or {"feed", "cells"}
    file: JsonObject | None  # {"digest", "name", "rows"}
    row: int | None  # as a spreadsheet counts: the header is row 1

    def to_bytes(self) -> bytes:
        return orjson.dumps(self)

    @staticmethod
    def from_bytes(raw: bytes) -> SubmittedEntry:
        return _fill(SubmittedEntry, orjson.loads(raw), _SUBMITTED)


@dataclass(frozen=True, kw_only=True)
class CreditEvent:
    """One normalised, validated event: the value on `credit.events`. It holds no person's number."""

    kind: str
    source: str
    id: str
    digest: str  # of what was submitted: repeat or conflict
    submission: str
    index: int
    supplier: str
    received_at: str  # ISO 8601 with offset
    time: str | None  # RFC 3339, as its supplier said
    catalogue: str
    mapping: str | None
    item: str
    form: Literal["event", "row"]
    row: int | None
    file: str | None  # digest of the file
    name: str
    unified_code: str | None
    organisation_code: str | None
    legacy: tuple[tuple[str, str], ...]  # other identifiers, (scheme, value)
    document: JsonObject
    folded_number: str  # the document's number on its folded form
    content: str  # hex SHA-256 of the normalised content: same fact, or another version of it
    data: JsonObject
    warnings: tuple[Reason, ...] = ()
    role: Role = "fact"
    target: JsonObject | None = None  # {"id"} or {"item", "folded_number", "issuer", "decided_on"} of its record

    def to_bytes(self) -> bytes:
        return orjson.dumps(self)

    @staticmethod
    def from_bytes(raw: bytes) -> CreditEvent:
        values: JsonObject = orjson.loads(raw)
        values["legacy"] = tuple([(scheme, value) for scheme, value in values["legacy"]])
        values["warnings"] = tuple([Reason(**reason) for reason in values.get("warnings", ())])
        return _fill(CreditEvent, values, _CREDIT)


_SUBMITTED = frozenset(field.name for field in fields(SubmittedEntry))
_CREDIT = frozenset(field.name for field in fields(CreditEvent))


def _fill(kind: type[Message], values: JsonObject, names: frozenset[str]) -> Message:
    """Makes one from a message we wrote. Old and new run side by side: a field of a later version is dropped,
    one that an earlier version lacks takes its default."""
    if values.keys() != names:
        if missing := [name for name in names - values.keys() if not hasattr(kind, name)]:
            raise ValueError(f"{kind.__name__} lacks {sorted(missing)}")
        values = {name: value for name, value in values.items() if name in names}
    message = object.__new__(kind)
    message.__dict__.update(values)
    return message
