"""Understands which rule of a record's life an event calls, and whether its sender may call it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from credithub.domain.catalogue import Catalogue
from credithub.domain.divisions import above
from credithub.domain.events import CreditEvent
from services.matcher.rules import changes, objections, repairs
from services.matcher.rules.objections import Due
from services.matcher.rules.records import Life, Outcome, Refused

HUB = "hub"  # operators act as this supplier; no department has the name


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What a step may look at besides the record: the day it was received, terms, and who holds what."""

    on: date
    due: Due
    catalogue: Catalogue  # that the record entered under
    holders: frozenset[str]  # agencies with an obligation of the record


def office(supplier: str) -> tuple[str, str]:
    """(department, division) of `mnr-130822`; the hub has no division."""
    department, _, division = supplier.rpartition("-")
    return (department, division) if department else (supplier, "")


def determines(life: Life, supplier: str, catalogue: Catalogue) -> bool:
    """The organ that determined the record, its successor, or its superior in the same department."""
    department, division = office(supplier)
    owner, seat = office(life.supplier)
    if division not in (seat, *above(seat)):
        return False
    successors = catalogue.successors
    return successors.get(department, department) == successors.get(owner, owner)


def _court(supplier: str, catalogue: Catalogue) -> bool:
    department = catalogue.department(office(supplier)[0])
    return department is not None and department.kind == "court"


def _by_organ(life: Life, event: CreditEvent, world: World) -> Refused | None:
    if determines(life, event.supplier, world.catalogue):
        return None
    return Refused(code="not-determining-department", field="record", value=life.record)


def _by_organ_or_court(life: Life, event: CreditEvent, world: World) -> Refused | None:
    return None if _court(event.supplier, world.catalogue) else _by_organ(life, event, world)


def _by_organ_or_hub(life: Life, event: CreditEvent, world: World) -> Refused | None:
    return None if event.supplier == HUB else _by_organ(life, event, world)


def _by_filer(life: Life, event: CreditEvent, world: World) -> Refused | None:
    """The subject, through the hub; or an agency that is to act on the record."""
    if event.supplier == HUB or (event.data["objection"]["by"] == "agency" and event.supplier in world.holders):
        return None
    return Refused(code="objection-not-holder", field="record", value=life.record)


def _by_verifier(life: Life, event: CreditEvent, world: World) -> Refused | None:
    if event.data["verification"]["by"] == "supplier":
        return _by_organ(life, event, world)
    return None if event.supplier == HUB else Refused(code="owner-not-allowed", field="verification.by")


def _by_anyone(life: Life, event: CreditEvent, world: World) -> None:
    del life, event, world


Guard = Callable[[Life, CreditEvent, World], Refused | None]
Rule = Callable[[Life, CreditEvent, World], Outcome]
RULES: Mapping[str, tuple[Guard, Rule]] = {
    "record.corrected": (_by_organ, lambda life, event, _: changes.corrected(life, event)),
    "record.withdrawn": (_by_organ, lambda life, event, _: changes.withdrawn(life, event)),
    "record.annotated": (_by_organ, lambda life, event, _: changes.annotated(life, event)),
    "record.shielded": (_by_organ_or_court, lambda life, event, _: changes.shielded(life, event)),
    "record.unshielded": (_by_organ_or_court, lambda life, event, _: changes.unshielded(life, event)),
    "record.deleted": (_by_organ, lambda life, event, _: changes.deleted(life, event)),
    "objection.opened": (_by_filer, lambda life, event, w: objections.opened(life, event, w.on, w.due)),
    "objection.verified": (_by_verifier, lambda life, event, _: objections.verified(life, event)),
    "objection.closed": (_by_organ_or_hub, lambda life, event, _: objections.closed(life, event)),
    "repair.applied": (_by_anyone, lambda life, event, w: repairs.applied(life, event, w.on, w.due, _rule(life, w))),
    "repair.decided": (_by_organ, lambda life, event, _: repairs.decided(life, event)),
}


def opens(event: CreditEvent) -> str | None:
    """What waits for the objection or application that this event opens."""
    if event.kind == "objection.opened":
        return objections.awaited(event.data["objection"]["number"])
    return repairs.awaited(event.data["repair"]["number"]) if event.kind == "repair.applied" else None


def live(life: Life, event: CreditEvent, world: World) -> Outcome:
    """One step in the life of a record. KeyError for a kind that is none."""
    guard, rule = RULES[event.kind]
    return guard(life, event, world) or rule(life, event, world)


def _rule(life: Life, world: World) -> repairs.RepairRule | None:
    return world.catalogue.repair_rule(life.item, life.severity)
