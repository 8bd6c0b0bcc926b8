"""Understands where an event belongs in the archive: whose it is, which record it makes, what it waits for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from credithub.domain.catalogue import Catalogue
from credithub.domain.events import CreditEvent
from credithub.domain.routing import Affiliation
from credithub.domain.text import fold_document_number, fold_name

REGISTER_KINDS = frozenset({"subject.registered", "subject.changed", "subject.deregistered"})


@dataclass(frozen=True, slots=True)
class Filed:
    """An event with its place in the archive: whose it is, which record it makes. None: its subject is not known."""

    event: CreditEvent
    organisation_code: str | None
    record: str | None
    issuer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A subject as the matcher locked it; `seq` is the last place handed out in its order."""

    organisation_code: str
    unified_code: str | None
    name: str | None
    kind: str
    seat: str | None
    status: str
    seq: int
    subject_class: str | None = None
    superior: str | None = None

    @property
    def affiliation(self) -> Affiliation:
        return Affiliation(self.subject_class, self.superior)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What the register says of a subject; None leaves what was said before.

    `superior` is the id of an agency of the hub's registry, not a unified code: that registry has no codes, and a
    second cross-walk from codes to agencies could be wrong without anybody seeing it. One that it does not know, or
    not yet, leaves the notice unrouted, which is seen.
    """

    organisation_code: str
    unified_code: str | None
    name: str | None
    kind: str | None
    seat: str | None
    status: str | None
    since: str | None
    subject_class: str | None = None
    superior: str | None = None


def file_event(event: CreditEvent, organisation_code: str | None, record_id: Callable[[str], str]) -> Filed:
    """Computes the fact identity (law 2): issuer, folded document number, subject, date, kind of fact."""
    issuer = fold_name(str(event.document.get("issuer") or event.document.get("issuer_code") or ""))
    if organisation_code is None:
        return Filed(event, None, None, issuer)
    decided = str(event.document.get("decided_on") or "")
    fact = f"{issuer}\n{event.folded_number}\n{organisation_code}\n{decided}\n{event.kind}"
    return Filed(event, organisation_code, record_id(hashlib.sha256(fact.encode()).hexdigest()), issuer)


def identifiers_of(event: CreditEvent) -> tuple[tuple[str, str], ...]:
    """By what an event without organisation code can be matched; a name alone only makes a candidate."""
    return event.legacy or (("name", fold_name(event.name)),)


def awaits_subject(identifier: tuple[str, str]) -> str:
    return f"{identifier[0]}:{identifier[1]}"


def named_by_id(event: CreditEvent) -> str | None:
    """The id of the record that an event speaks of, where it gives one."""
    return (event.target or {}).get("id")


def names(filed: Filed) -> tuple[str, str, str] | None:
    """(organisation code, item, folded number) of the record that an event speaks of, where it names it so."""
    target = filed.event.target or {}
    if "folded_number" not in target:
        return None
    return (filed.organisation_code or "", target["item"], target["folded_number"])


def awaits_life(filed: Filed) -> str:
    """What an event about a record nobody knows yet waits for."""
    named = names(filed)
    return awaits_record(*named) if named else awaits_record_id(named_by_id(filed.event) or "")


def awaits_record_id(record: str) -> str:
    return f"record-id:{record}"


def awaits_record(organisation_code: str, item: str, folded_number: str) -> str:
    return f"record:{organisation_code}:{item}:{folded_number}"


def ends_what(event: CreditEvent, catalogue: Catalogue) -> str | None:
    """For the exit event of a list type: the folded number of the listing that it ends; otherwise None."""
    list_type = catalogue.list_type(event.item)
    if list_type is None or event.kind != list_type.exit.event:
        return None
    said = event.data.get("removal", {})
    return fold_document_number(str(said.get("case_number") or said.get("number") or ""))


def triggers(event: CreditEvent, catalogue: Catalogue, subject_class: str | None = None) -> bool:
    """Whether a record of this event opens a case: it is a fact or an entry on a list, and its item has measures."""
    called = catalogue.measures_for(event.item) or catalogue.notices_for(event.item, subject_class)
    if event.role not in ("fact", "entry") or not called:
        return False
    list_type = catalogue.list_type_of(event.item)
    return ends_what(event, catalogue) is None and not (list_type and list_type.reference_only)


def said_again(
    event: CreditEvent, *, content: str, supplier: str, active: bool, stale: bool
) -> Literal["version", "duplicate", "witness", "conflict"]:
    """What it means that a fact the archive holds is said again (law 2). `stale`: it says what was replaced before."""
    if not active:
        return "duplicate"  # an ended record never acts again
    if event.supplier == supplier:
        return "duplicate" if event.content == content or stale else "version"
    return "witness" if event.content == content else "conflict"


def registered(event: CreditEvent, organisation_code: str) -> Registered:
    said = event.data.get("registration", {})
    status = "deregistered" if event.kind == "subject.deregistered" else said.get("status")
    return Registered(
        organisation_code=organisation_code,
        unified_code=event.unified_code,
        name=said.get("name") or event.name,
        kind=said.get("kind"),
        seat=said.get("seat"),
        status=status,
        since=said.get("effective_on"),
        subject_class=said.get("class"),
        superior=said.get("superior"),
    )


def cross_walk(event: CreditEvent) -> list[tuple[str, str]]:
    """The other identifiers that the register says belong to the subject."""
    legacy = [(row["scheme"], row["value"]) for row in event.data.get("registration", {}).get("legacy", ())]
    return list(dict.fromkeys([*event.legacy, *legacy]))
