"""Understands where an event belongs in the archive: whose it is, which record it makes, what it waits for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from credithub.domain.catalogue import Catalogue
from credithub.domain.events import CreditEvent
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """What the register says of a subject; None leaves what was said before."""

    organisation_code: str
    unified_code: str | None
    name: str | None
    kind: str | None
    seat: str | None
    status: str | None
    since: str | None


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


def awaits_record(organisation_code: str, item: str, folded_number: str) -> str:
    return f"record:{organisation_code}:{item}:{folded_number}"


def ends_what(event: CreditEvent, catalogue: Catalogue) -> str | None:
    """For the exit event of a list type: the folded number of the listing that it ends; otherwise None."""
    list_type = catalogue.list_type(event.item)
    if list_type is None or event.kind != list_type.exit.event:
        return None
    return fold_document_number(str(event.data.get("removal", {}).get("case_number", "")))


def triggers(event: CreditEvent, catalogue: Catalogue) -> bool:
    """Whether a record of this event opens a case: its item has measures, and it is not the exit from a list."""
    return bool(catalogue.measures_for(event.item)) and ends_what(event, catalogue) is None


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
    )


def cross_walk(event: CreditEvent) -> list[tuple[str, str]]:
    """The other identifiers that the register says belong to the subject."""
    legacy = [(row["scheme"], row["value"]) for row in event.data.get("registration", {}).get("legacy", ())]
    return list(dict.fromkeys([*event.legacy, *legacy]))
