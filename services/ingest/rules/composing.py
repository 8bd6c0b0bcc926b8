"""Understands how what was read of an entry becomes one canonical event."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, TypeGuard

from credithub.domain.events import CreditEvent, JsonObject, SubmittedEntry, canonical
from credithub.domain.text import fold_document_number, fold_name
from services.ingest.rules.faults import Faults

ITEMS = {
    "licence.granted": "licence",
    "penalty.imposed": "penalty",
    "judgment-debtor.listed": "judgment-debtor",
    "judgment-debtor.removed": "judgment-debtor",
    "subject.registered": "registration",
    "subject.changed": "registration",
    "subject.deregistered": "registration",
}
# (kind, group, earlier, later): the first day cannot lie after the second.
_ORDERED = {
    "licence.granted": (("licence", "valid_from", "licence", "valid_to"),),
    "penalty.imposed": (("document", "decided_on", "penalty", "valid_to"),),
    "judgment-debtor.listed": (("debtor", "filed_on", "debtor", "published_on"),),
}


def reversed_days(kind: str, data: JsonObject) -> Iterator[tuple[str, str]]:
    """(path, value) of each day that lies before the day it must follow."""
    for group, name, later_group, later_name in _ORDERED.get(kind, ()):
        first, last = data.get(group, {}).get(name), data.get(later_group, {}).get(later_name)
        if isinstance(first, str) and isinstance(last, str) and first > last:
            yield f"{later_group}.{later_name}", last


def compose(
    entry: SubmittedEntry, faults: Faults, kind: str, data: JsonObject, identifiers: dict[str, str], time: str | None
) -> CreditEvent:
    """`data` is normalised already, its subject and document present."""
    document: JsonObject = data.get("document") or {}
    folded = fold_document_number(_text(document.get("number")))
    name = _text(data["subject"].get("name"))
    unified = identifiers.get("unified_code")
    organisation = unified[8:17] if unified else identifiers.get("organisation_code")
    if organisation is None and (taxpayer := identifiers.get("taxpayer_number")):
        organisation = taxpayer[6:15]
    return CreditEvent(
        kind=kind, source=entry.source, id=entry.id, digest=entry.digest, submission=entry.submission,
        index=entry.index, supplier=entry.supplier, received_at=entry.received_at, time=time,
        catalogue=entry.catalogue, mapping=entry.mapping, item=ITEMS[kind],
        form="row" if entry.form == "row" else "event", row=entry.row,
        file=entry.file.get("digest") if entry.file else None, name=name, unified_code=unified,
        organisation_code=organisation, legacy=_legacy(data, identifiers), document=document, folded_number=folded,
        content=_content(kind, name, folded, data), data=data, warnings=tuple(faults.reasons),
    )  # fmt: skip


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


def _content(kind: str, name: str, folded: str, data: JsonObject) -> str:
    """What makes two statements of one fact the same: everything said, but not the codes that name its subject, and
    not how the document's number is spelled."""
    said = {part: value for part, value in data.items() if part not in {"subject", "document"}}
    document: JsonObject = data.get("document") or {}
    document = document | {"number": folded}
    return hashlib.sha256(canonical([kind, fold_name(name), document, said])).hexdigest()


def is_object(node: Any) -> TypeGuard[JsonObject]:
    return isinstance(node, dict)


def is_array(node: Any) -> TypeGuard[list[Any]]:
    return isinstance(node, list)


def _text(value: Any) -> str:
    """A value of the wrong type is for the schema to name, not for us to stumble over."""
    return value if isinstance(value, str) else ""
