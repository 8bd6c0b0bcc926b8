"""Understands how one CloudEvent's data is read: the same leaves as a row's cells, found by their place in the schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from credithub.domain.codes import SCHEMES, judge
from credithub.domain.events import CreditEvent, JsonObject, SubmittedEntry
from credithub.domain.persons import mask
from credithub.domain.text import clean
from services.ingest.rules.composing import compose, is_array, is_object, reversed_days
from services.ingest.rules.faults import Faults, masked
from services.ingest.rules.identifiers import Given, settle
from services.ingest.rules.leaves import NO_END, Leaf, read_text
from services.ingest.rules.outcomes import Quarantine
from services.ingest.rules.readings import Kinds, Part, Reading

_UNKNOWN = Part(leaves={}, parts={}, lists={})
_FIXED = frozenset({"subject", "document"})  # what a correction leaves as it is
_CORRECTABLE = frozenset({"fact", "entry"})


def read_event(entry: SubmittedEntry, kinds: Kinds) -> CreditEvent | Quarantine:
    """A CloudEvent's data in, one outcome out. Values of a wrong type are left for the schema to name."""
    body = entry.body
    kind = body.get("type", "")
    reading = kinds.by_type.get(kind) if isinstance(kind, str) else None
    faults = Faults(entry)
    raw = body.get("data")
    if reading is None or not is_object(raw):
        faults.add(*(("kind-unknown", "type") if reading is None else ("type-wrong", "data")))
        item = reading.item if reading else None
        return Quarantine(reasons=tuple(faults.reasons), item=item, body={"data": masked(raw)})
    data = Reader(faults, kinds).read(reading.whole, raw, "")
    identifiers = _identify(faults, raw, data)
    if not faults.refuse():
        for path, value in reversed_days(reading, data):
            faults.add("dates-reversed", path, value)
    if faults.refuse():
        return Quarantine(reasons=tuple(faults.reasons), item=reading.item_of(data), body=_shown(raw, faults))
    time = body.get("time")
    return compose(entry, faults, reading, data, identifiers, time if isinstance(time, str) else None)


@dataclass(slots=True)
class Reader:
    """Reads what stands in an object by the part of the schema that is about it."""

    faults: Faults
    kinds: Kinds

    def read(self, part: Part, raw: JsonObject, path: str) -> JsonObject:
        data = self._object(part, raw, path)
        self._require(part, data, path, {reason.field for reason in self.faults.reasons})
        return data

    def _object(self, part: Part, node: JsonObject, path: str) -> JsonObject:
        kept: JsonObject = {}
        for name, value in node.items():
            if isinstance(value, str):
                self._leaf(part, path + name, name, value, kept)
            elif is_object(value):
                member = part.parts.get(name, _UNKNOWN)
                read = self._correction if member.read == "correction" else self._object
                kept[mask(name)] = read(member, value, f"{path}{name}.")
            elif name in part.lists and is_array(value):
                kept[name] = self._list(part.lists[name], value, path + name)
            elif value is not None or name == "valid_to":
                kept[mask(name)] = masked(value)
        return kept

    def _leaf(self, part: Part, path: str, name: str, raw: str, kept: JsonObject) -> None:
        leaf = part.leaves.get(name, _NOWHERE)
        if leaf is None or (text := clean(raw)) is None:
            return
        value = (read_text if leaf is _NOWHERE else leaf)(self.faults, path, text)
        if value is not None:
            kept[mask(name) if leaf is _NOWHERE else name] = None if value is NO_END else value

    def _list(self, member: Part | Leaf, values: list[Any], path: str) -> list[Any]:
        return [self._element(member, value, f"{path}.{number}") for number, value in enumerate(values)]

    def _element(self, member: Part | Leaf, value: Any, path: str) -> Any:
        if isinstance(member, Part):
            if not is_object(value):
                return masked(value)
            if member.read == "legacy-code":
                return self._legacy_code(value, path + ".value")
            return self._object(member, value, path + ".")
        if not isinstance(value, str):
            return masked(value)
        text = clean(value)
        if text is None:
            self.faults.add("required-missing", path)
        return member(self.faults, path, text) if text else None

    def _legacy_code(self, code: JsonObject, path: str) -> JsonObject:
        """An earlier code of the subject, judged by its scheme."""
        scheme, value = code.get("scheme"), code.get("value")
        kept: JsonObject = masked({name: part for name, part in code.items() if name != "value"})
        if scheme not in SCHEMES or not isinstance(value, str):
            return masked(code)
        verdict = judge(scheme, value)
        for reason in verdict.reasons:
            self.faults.add(reason.code, path, reason.value, reason.hint)
        if verdict.missing:
            self.faults.add("required-missing", path)
        return kept | {"value": verdict.value or ""}

    def _correction(self, part: Part, node: JsonObject, path: str) -> JsonObject:
        """What a fact says from now on is read as an event of its own kind is; subject and document stay."""
        said = node.get("data")
        kept = self._object(part, {name: value for name, value in node.items() if name != "data"}, path)
        if not is_object(said):
            return kept if said is None else kept | {"data": masked(said)}
        reading = self.kinds.by_name.get(kept["kind"]) if isinstance(kept.get("kind"), str) else None
        if reading is None or reading.role not in _CORRECTABLE:
            if kept.get("kind") is not None:
                self.faults.add("enumeration-unknown", path + "kind", str(kept["kind"]))
            return kept | {"data": masked(said)}
        within = path + "data."
        for name in _FIXED & said.keys():
            self.faults.add("field-unknown", within + name)
        data = self.read(_without_fixed(reading), said, within)
        for place, value in reversed_days(reading, data):
            self.faults.add("dates-reversed", within + place, value)
        return kept | {"data": data}

    def _require(self, part: Part, data: JsonObject, path: str, named: set[str | None]) -> None:
        """What is missing, each part or value once; one that was given and refused has been named already."""
        for name in part.required:
            here = path + name
            if here in named:
                continue
            value = data.get(name)
            if value is None:
                named.add(here)
                self.faults.add("document-missing" if here == "document" else "required-missing", here)
            elif name in part.parts and not is_object(value):
                named.add(here)
                self.faults.add("type-wrong", here)
        for name, member in part.parts.items():
            value = data.get(name)
            if is_object(value) and path + name not in named:
                self._require(member, value, f"{path}{name}.", named)


def _nowhere(faults: Faults, field: str, text: str) -> str | None:
    """Stands for a place that the schema does not know; never called."""
    del faults, field, text
    return None


_NOWHERE: Leaf = _nowhere


def _without_fixed(reading: Reading) -> Part:
    whole = reading.whole
    return Part(
        leaves=whole.leaves,
        parts={name: part for name, part in whole.parts.items() if name not in _FIXED},
        lists=whole.lists,
        required=tuple(name for name in whole.required if name not in _FIXED),
    )


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
            elif is_array(node):
                node[int(last)] = ""
    return body
