"""Understands what the gateway decides: whose key may do what, and which entries it takes in. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from credithub.domain.codes import SCHEMES, judge, partition_identifier
from credithub.domain.feeds import FeedMapping
from credithub.domain.reasons import REASONS, Reason

ROLES = ("supplier", "agency", "operator", "auditor")
SEE_ALL = frozenset({"operator", "auditor"})
LONGEST_CODE = 64  # characters of an identifier worth looking at


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What the holder of a key may do. `agency` is who it speaks for; operators speak for nobody."""

    key: str
    agency: str | None = None
    department: str | None = None
    roles: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()
    sources: frozenset[str] = frozenset()

    @property
    def sees_all(self) -> bool:
        return not self.roles.isdisjoint(SEE_ALL)

    @property
    def supplies(self) -> str | None:
        """The supplier whose submissions these are, if any."""
        return self.agency if "supplier" in self.roles else None

    @property
    def division(self) -> str | None:
        """Where its agency is: the last part of its id."""
        return self.agency.rpartition("-")[2] if self.agency else None

    @property
    def acts(self) -> str | None:
        """The agency whose obligations these are, if any."""
        return self.agency if "agency" in self.roles else None


def refusal(item: str | None, source: str, grant: Grant, by: str = "owner") -> Reason | None:
    """Why an event whose envelope is sound is not taken in from this key; `item` is None where none is about its kind.

    An act on a record carries no item of its own: whether it is this key's to do is judged where the record lies.
    What is the hub's alone comes in by the operators' doors; an answer has a door of its own.
    """
    if by == "hub":
        return Reason(code="owner-not-allowed", field="type")
    if by == "nobody" or (item is None and by == "owner"):
        return Reason(code="kind-unknown", field="type")
    if source not in grant.sources:
        return Reason(code="source-not-granted", field="source")
    if by == "owner" and item and item not in grant.items:
        return Reason(code="owner-not-allowed", field="type", value=item)
    return None


def key_of_subject(subject: object) -> tuple[str, str] | None:
    """(scheme, value) of the identifier that orders a subject's entries, read from what may be any JSON at all.

    Only sound codes count, on their normalised form: a key stands in the clear, so nothing unknown goes into it.
    """
    if not isinstance(subject, dict):
        return None
    given = cast("dict[str, Any]", subject)
    found = {scheme: _sound(scheme, raw) for scheme in SCHEMES if isinstance(raw := given.get(scheme), str)}
    return partition_identifier(found) if found else None


def code_columns(mapping: FeedMapping, headers: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """(header, schemes) of each column under which one of the subject's codes may stand."""
    matched = mapping.match(headers).matched
    columns = ((header, mapping.by_code[code]) for header, code in matched.items())
    return [
        (header, SCHEMES if column.scheme in (None, "any") else (column.scheme,))
        for header, column in columns
        if column.type == "identifier"
    ]


def key_of_cells(columns: Sequence[tuple[str, tuple[str, ...]]], cells: Mapping[str, str]) -> tuple[str, str] | None:
    """The same as `key_of_subject` for a table's row."""
    found: dict[str, str | None] = {}
    for header, schemes in columns:
        raw = cells.get(header)
        for scheme in schemes if raw else ():
            if not found.get(scheme) and (value := _sound(scheme, str(raw))):
                found[scheme] = value
                break
    return partition_identifier(found) if found else None


@lru_cache(maxsize=65_536)
def _sound(scheme: str, raw: str) -> str | None:
    return judge(scheme, raw).value if len(raw) <= LONGEST_CODE else None


def spoken(reason: Reason) -> dict[str, Any]:
    """A reason as clients read it: its facts, and what it means and asks for in each language."""
    facts = {"code": reason.code, "field": reason.field, "value": reason.value, "hint": reason.hint, "row": reason.row}
    told: dict[str, Any] = {name: value for name, value in facts.items() if value is not None}
    if reason.code in REASONS:
        text, place = REASONS[reason.code], reason.code.partition("@")[2]
        told |= {
            "detail": text.en.replace("{n}", place),
            "detail_zh": text.zh.replace("{n}", place),
            "what_to_do": text.do_en,
            "what_to_do_zh": text.do_zh,
        }
    return told


def spoken_all(stored: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The same for reasons as the database keeps them."""
    return [
        spoken(Reason(code=each["code"], **{name: each.get(name) for name in ("field", "value", "hint", "row")}))
        for each in stored
    ]


def status_of(received: int, refused: int, unknown: int) -> int:
    """202: all were received; 207: some; 422: none, and sending again is no use; 503: none for certain, try again."""
    if received:
        return 207 if refused or unknown else 202
    return 503 if unknown else 422
