"""Understands how what was read of an entry becomes one canonical event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard

from credithub.domain.events import CreditEvent, JsonObject, SubmittedEntry, content_of
from credithub.domain.text import fold_document_number, fold_name
from services.ingest.rules.faults import Faults
from services.ingest.rules.readings import Reading, dig


def reversed_days(reading: Reading, data: JsonObject) -> Iterator[tuple[str, str]]:
    """(path, value) of each day that lies before the day it must follow."""
    for earlier, later in reading.ordered:
        first, last = dig(data, earlier), dig(data, later)
        if isinstance(first, str) and isinstance(last, str) and first > last:
            yield ".".join(later), last


def compose(
    entry: SubmittedEntry,
    faults: Faults,
    reading: Reading,
    data: JsonObject,
    identifiers: dict[str, str],
    time: str | None,
) -> CreditEvent:
    """`data` is normalised already, its subject and document present."""
    document: JsonObject = data.get("document") or {}
    name = _text(data["subject"].get("name"))
    unified = identifiers.get("unified_code")
    organisation = unified[8:17] if unified else identifiers.get("organisation_code")
    if organisation is None and (taxpayer := identifiers.get("taxpayer_number")):
        organisation = taxpayer[6:15]
    return CreditEvent(
        kind=reading.kind, source=entry.source, id=entry.id, digest=entry.digest, submission=entry.submission,
        index=entry.index, supplier=entry.supplier, received_at=entry.received_at, time=time,
        catalogue=entry.catalogue, mapping=entry.mapping, item=reading.item_of(data),
        form="row" if entry.form == "row" else "event", row=entry.row,
        file=entry.file.get("digest") if entry.file else None, name=name, unified_code=unified,
        organisation_code=organisation, legacy=_legacy(data, identifiers), document=document,
        folded_number=fold_document_number(_text(document.get("number"))),
        content=content_of(reading.kind, name, document, data), data=data, warnings=tuple(faults.reasons),
        role=reading.role, target=_target(data.get("record")),
    )  # fmt: skip


def _target(record: Any) -> JsonObject | None:
    """The record that an event is about: by its id, or by what its document says of itself."""
    if not is_object(record):
        return None
    if "id" in record:
        return {"id": _text(record["id"])}
    issuer = _text(record.get("issuer"))
    return {
        "item": _text(record.get("item")),
        "folded_number": fold_document_number(_text(record.get("number"))),
        "issuer": fold_name(issuer) if issuer else None,
        "decided_on": record.get("decided_on"),
    }


def _legacy(data: JsonObject, identifiers: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Every other code of the subject, those of a registration's list included, each once."""
    pairs = [pair for pair in identifiers.items() if pair[0] not in {"unified_code", "organisation_code"}]
    if not pairs and "registration" not in data:
        return ()
    registration = data.get("registration")
    listed = registration.get("legacy") if is_object(registration) else None
    codes = [code for code in (listed if is_array(listed) else ()) if is_object(code)]
    pairs += [(_text(code.get("scheme")), _text(code.get("value"))) for code in codes]
    return tuple(dict.fromkeys(pairs))


def is_object(node: Any) -> TypeGuard[JsonObject]:
    return isinstance(node, dict)


def is_array(node: Any) -> TypeGuard[list[Any]]:
    return isinstance(node, list)


def _text(value: Any) -> str:
    """A value of the wrong type is for the schema to name, not for us to stumble over."""
    return value if isinstance(value, str) else ""
