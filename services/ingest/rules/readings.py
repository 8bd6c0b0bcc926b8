"""Understands how the data of an event kind is read: what its schema says of each place, made ready once.

`x-read` names the leaf of a text, `required` what must not be missing, `x-not-before` the day that a day must follow,
`x-item` or `x-item-from` what the kind is about, `x-role` what it does and `x-by` who may send it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from credithub.domain.events import JsonObject, Role
from services.ingest.rules.leaves import (
    SENTINELS,
    Leaf,
    amount_in,
    day_of,
    number_of,
    read_code,
    read_division,
    read_issuer_code,
    read_name,
    read_reference,
    read_seat,
    read_text,
    word_of,
)

_DAY, _PAST, _END, _AMOUNT = day_of(), day_of(past=True), day_of(sentinels=SENTINELS), amount_in()
_LEAVES: Mapping[str, Leaf | None] = {
    "text": read_text,
    "name": read_name,
    "reference": read_reference,
    "day": _DAY,
    "past-day": _PAST,
    "end-day": _END,
    "amount": _AMOUNT,
    "issuer-code": read_issuer_code,
    "code": read_code,
    "division": read_division,
    "seat": read_seat,
    "identifier": None,  # a code of the subject: read together with its others
}
_LISTS = frozenset({"entry", "exit", "notice"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """An object of the schema: how each of its members is read."""

    read: str = ""
    leaves: Mapping[str, Leaf | None]
    parts: Mapping[str, Part]
    lists: Mapping[str, Part | Leaf]
    required: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One event kind, as ingest needs it."""

    kind: str
    type: str
    role: Role
    by: Any  # a word, several of which one suffices, or {"by": path, word said there: word}, {"division": path}
    item: str | None  # None: it is named in the data, at `item_from`, or nowhere
    item_from: tuple[str, ...]
    group: str
    whole: Part
    ordered: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]  # (earlier, later) days
    corrections: tuple[tuple[str, ...], ...]  # where a corrected fact stands in it
    plain: bool  # neither a list's nor a correction: nothing but leniency is asked of the catalogue

    @property
    def owners_only(self) -> bool:
        return self.by == "owner"

    def item_of(self, data: Mapping[str, Any]) -> str:
        """The item it is about; "" where the archive must say, because the record is named by its id."""
        if self.item is not None:
            return self.item
        said = dig(data, self.item_from) if self.item_from else None
        return said if isinstance(said, str) else ""


class Kinds:
    """Every kind that may be sent, by its name and by its CloudEvents type."""

    def __init__(self, schemas: Iterable[JsonObject]) -> None:
        readings = [reading_of(schema) for schema in schemas if schema.get("x-role", "answer") != "answer"]
        self.by_name = {reading.kind: reading for reading in readings}
        self.by_type = {reading.type: reading for reading in readings}


def reading_of(schema: JsonObject) -> Reading:
    """The schema's references are resolved already."""
    item_from = schema.get("x-item-from")
    corrections = tuple(path for path, node in _objects(schema, ()) if node.get("x-read") == "correction")
    return Reading(
        kind=schema["x-kind"],
        type=schema["x-type"],
        role=schema["x-role"],
        by=schema.get("x-by", "owner"),
        item=schema.get("x-item"),
        item_from=_path(item_from) if item_from else (),
        group=schema.get("x-group", ""),
        whole=_part(schema),
        ordered=tuple(_ordered(schema, ())),
        corrections=corrections,
        plain=schema["x-role"] not in _LISTS and not corrections,
    )


def dig(data: Any, path: Iterable[str]) -> Any:
    """What stands at the path; None where there is nothing."""
    for step in path:
        if not isinstance(data, dict):
            return None
        data = cast("JsonObject", data).get(step)
    return data


def _part(node: JsonObject) -> Part:
    leaves: dict[str, Leaf | None] = {}
    parts: dict[str, Part] = {}
    lists: dict[str, Part | Leaf] = {}
    for name, member in node.get("properties", {}).items():
        kinds = _types(member)
        if "string" in kinds:
            leaves[name] = _leaf(member)
        elif "object" in kinds:
            parts[name] = _part(member)
        elif "array" in kinds:
            items = member.get("items", {})
            lists[name] = _part(items) if "object" in _types(items) else (_leaf(items) or read_text)
    return Part(
        read=str(node.get("x-read", "")), leaves=leaves, parts=parts, lists=lists,
        required=tuple(node.get("required", ())),
    )  # fmt: skip


def _leaf(member: JsonObject) -> Leaf | None:
    """KeyError for a word that means nothing here: a schema is ours, and mended at once."""
    word = member.get("x-read", "text")
    if isinstance(word, Mapping):
        return word_of(cast("Mapping[str, Mapping[str, str]]", word)["word"])
    return number_of(int(member.get("maxLength", 128))) if word == "number" else _LEAVES[word]


def _types(member: JsonObject) -> tuple[str, ...]:
    said = member.get("type", ())
    return (said,) if isinstance(said, str) else tuple(said)


def _objects(node: JsonObject, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], JsonObject]]:
    yield path, node
    for name, member in node.get("properties", {}).items():
        if isinstance(member, dict):
            yield from _objects(cast("JsonObject", member), (*path, name))


def _ordered(node: JsonObject, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    for later, member in _objects(node, path):
        if earlier := member.get("x-not-before"):
            yield _path(earlier), later


def _path(dotted: str) -> tuple[str, ...]:
    return tuple(dotted.split("."))
