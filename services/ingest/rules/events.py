"""Understands how one CloudEvent's data is read: the same leaves as a row's cells, found by their path."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from credithub.domain.codes import SCHEMES, judge
from credithub.domain.divisions import NATION, is_known
from credithub.domain.events import KIND_OF_TYPE, CreditEvent, JsonObject, SubmittedEntry
from credithub.domain.persons import mask
from credithub.domain.text import clean
from services.ingest.rules.composing import ITEMS, compose, is_array, is_object, reversed_days
from services.ingest.rules.faults import Faults, masked
from services.ingest.rules.identifiers import Given, settle
from services.ingest.rules.leaves import (
    NO_END,
    Leaf,
    amount_in,
    day_of,
    number_of,
    read_issuer_code,
    read_name,
    read_reference,
    read_text,
    word_of,
)
from services.ingest.rules.outcomes import Quarantine

_NO_END = {"2099-12-31": "no-end", "2099-01-31": "no-end", "9999-12-31": "no-end"}
_LICENCES = ("普通", "特许", "认可", "核准", "登记", "其他")
_CATEGORIES = dict(zip(("01", "02", "03", "04", "05", "06"), _LICENCES, strict=True)) | {w: w for w in _LICENCES}
_PAST, _END, _DAY, _NUMBER = day_of(past=True), day_of(sentinels=_NO_END), day_of(), number_of(128)


class Place(NamedTuple):
    leaf: Leaf
    required: bool = False


_DOCUMENT = {
    "document.name": Place(read_text),
    "document.number": Place(_NUMBER, True),
    "document.issuer": Place(read_text, True),
    "document.issuer_code": Place(read_issuer_code),
    "document.decided_on": Place(_PAST, True),
}
_GROUPS: dict[str, dict[str, Place]] = {
    "licence": {
        "licence.category": Place(word_of(_CATEGORIES), True),
        "licence.certificate_number": Place(read_reference),
        "licence.content": Place(read_text, True),
        "licence.valid_from": Place(_DAY),
        "licence.valid_to": Place(_END),
    },
    "penalty": {
        **{f"penalty.{name}": Place(read_text, True) for name in ("offence", "facts", "basis", "category", "content")},
        "penalty.revoked_licence": Place(read_reference),
        "penalty.fine_yuan": Place(amount_in()),
        "penalty.confiscated_yuan": Place(amount_in()),
        "penalty.valid_to": Place(_END),
        "penalty.display_until": Place(_END),
    },
    "debtor": {
        **{
            f"debtor.{name}": Place(read_text, True)
            for name in ("court", "basis_unit", "duty", "performance", "circumstances")
        },
        "debtor.basis_number": Place(read_reference, True),
        "debtor.case_number": Place(_NUMBER, True),
        "debtor.filed_on": Place(_PAST, True),
        "debtor.published_on": Place(_PAST, True),
    },
    "removal": {
        "removal.case_number": Place(_NUMBER, True),
        "removal.reason": Place(read_text, True),
        "removal.removed_on": Place(_PAST, True),
        "listing.case_number": Place(_NUMBER),
    },
    "registration": {
        "registration.name": Place(read_name, True),
        "registration.kind": Place(read_text, True),
        "registration.seat": Place(read_text, True),
        "registration.registrar": Place(read_text, True),
        "registration.status": Place(read_text, True),
        "registration.effective_on": Place(_DAY, True),
    },
}
_GROUP_OF = {
    "licence.granted": "licence",
    "penalty.imposed": "penalty",
    "judgment-debtor.listed": "debtor",
    "judgment-debtor.removed": "removal",
    "subject.registered": "registration",
    "subject.changed": "registration",
    "subject.deregistered": "registration",
}
_LEGACY = "registration.legacy"
_IDENTIFIERS = frozenset(f"subject.{scheme}" for scheme in SCHEMES)


def read_event(entry: SubmittedEntry) -> CreditEvent | Quarantine:
    """A CloudEvent's data in, one outcome out. Values of a wrong type are left for the schema to name."""
    body = entry.body
    kind = KIND_OF_TYPE.get(body.get("type", ""), "")
    faults = Faults(entry)
    raw = body.get("data")
    if kind not in ITEMS or not is_object(raw):
        faults.add(*(("kind-unknown", "type") if kind not in ITEMS else ("type-wrong", "data")))
        return Quarantine(reasons=tuple(faults.reasons), item=ITEMS.get(kind), body={"data": masked(raw)})
    places = _places(kind)
    data = _object(faults, places, raw, "")
    _require(faults, places, raw, data)
    identifiers = _identify(faults, raw, data)
    if is_object(registration := data.get("registration")):
        _read_registration(faults, registration)
    if not faults.refuse():
        for path, value in reversed_days(kind, data):
            faults.add("dates-reversed", path, value)
    if faults.refuse():
        return Quarantine(reasons=tuple(faults.reasons), item=ITEMS[kind], body=_shown(raw, faults))
    time = body.get("time")
    return compose(entry, faults, kind, data, identifiers, time if isinstance(time, str) else None)


@cache
def _places(kind: str) -> dict[str, Place]:
    group = _GROUPS[_GROUP_OF[kind]]
    return {"subject.name": Place(read_name, True), **_DOCUMENT, **group, "remarks": Place(read_text)}


def _object(faults: Faults, places: dict[str, Place], node: JsonObject, path: str) -> JsonObject:
    kept: JsonObject = {}
    for name, value in node.items():
        here = path + name
        if isinstance(value, str):
            if here not in _IDENTIFIERS:
                _leaf(faults, places, here, name, value, kept)
        elif here == _LEGACY and is_array(value):
            kept[name] = [dict(code) if is_object(code) else masked(code) for code in value]
        elif is_object(value):
            kept[mask(name)] = _object(faults, places, value, here + ".")
        elif value is not None or name == "valid_to":
            kept[mask(name)] = masked(value)
    return kept


def _leaf(faults: Faults, places: dict[str, Place], path: str, name: str, raw: str, kept: JsonObject) -> None:
    text = clean(raw)
    if text is None:
        return
    place = places.get(path)
    value = (place.leaf if place else read_text)(faults, path, text)
    if value is not None:
        kept[name if place else mask(name)] = None if value is NO_END else value


def _require(faults: Faults, places: dict[str, Place], raw: JsonObject, data: JsonObject) -> None:
    """What is missing, each part or value once; one that was given and refused has been named already."""
    named = {reason.field for reason in faults.reasons}
    for path, place in places.items():
        section, _, name = path.rpartition(".")
        if not place.required or section in named or path in named:
            continue
        part = data.get(section)
        if raw.get(section) is None or part is None:
            named.add(section)
            faults.add("document-missing" if section == "document" else "required-missing", section)
        elif not is_object(part):
            named.add(section)
            faults.add("type-wrong", section)
        elif part.get(name) is None:
            faults.add("required-missing", path)


def _identify(faults: Faults, raw: JsonObject, data: JsonObject) -> dict[str, str]:
    subject = raw.get("subject")
    if not is_object(subject):
        return {}
    given = [
        Given(scheme, f"subject.{scheme}", code)
        for scheme in SCHEMES
        if isinstance(code := subject.get(scheme), str) and clean(code) is not None
    ]
    identifiers = settle(faults, given)
    data["subject"].update(identifiers)
    return identifiers


def _read_registration(faults: Faults, registration: JsonObject) -> None:
    """A seat that exists, and legacy codes each judged by its scheme."""
    seat = registration.get("seat")
    if isinstance(seat, str) and seat.isdecimal() and len(seat) == 6 and not (is_known(seat) or seat == NATION):
        faults.add("seat-unknown", "registration.seat", seat)
    listed = registration.get("legacy")
    for number, code in enumerate(listed if is_array(listed) else ()):
        if is_object(code):
            _read_legacy(faults, f"{_LEGACY}.{number}.value", code)


def _read_legacy(faults: Faults, path: str, code: JsonObject) -> None:
    scheme, value = code.get("scheme"), code.get("value")
    if scheme not in SCHEMES or not isinstance(value, str):
        code.update(masked(code))
        return
    verdict = judge(scheme, value)
    for reason in verdict.reasons:
        faults.add(reason.code, path, reason.value, reason.hint)
    if verdict.missing:
        faults.add("required-missing", path)
    code["value"] = verdict.value or ""


def _shown(raw: JsonObject, faults: Faults) -> JsonObject:
    """The data as it came, without persons' numbers: also those that only their field gave away."""
    body: JsonObject = masked(raw)
    for reason in faults.reasons:
        if reason.code == "person-number-in-field" and reason.field:
            *way, last = reason.field.split(".")
            node: Any = body
            for step in way:
                node = node[int(step)] if is_array(node) else node.get(step, {}) if is_object(node) else {}
            if is_object(node) and last in node:
                node[last] = ""
    return body
