"""Understands what must be true before a fact is recorded or a subject listed, as far as the catalogue alone can tell.

国办发〔2020〕49号 四(六)-(八) and 八(十六). Notice given, and its waiting time, are in the archive: the matcher asks it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from credithub.domain.catalogue import LEVELS, Catalogue, ListType
from credithub.domain.events import JsonObject
from credithub.domain.reasons import Reason
from credithub.domain.routing import level_of
from services.ingest.rules.readings import Reading

PARTS = ("grounds", "basis", "measures", "removal_conditions", "removal_procedure", "remedies")  # 四(八) 载明
_RANKS = ("township", *LEVELS)


def unmet(reading: Reading, data: JsonObject, item: str, supplier: str, catalogue: Catalogue) -> Iterator[Reason]:
    """Every prerequisite that is not met; `data` is normalised and keeps to its schema."""
    if reading.role in ("fact", "entry") and "tolerance" in data:
        yield from _tolerated(data["tolerance"]["ground"], catalogue)
    if reading.role not in ("entry", "exit", "notice") or not (reading.role == "entry" or reading.item is None):
        return
    list_type = catalogue.list_type_of(item)
    if list_type is None or (reading.role == "entry" and list_type.entry.event != reading.kind):
        hint = list_type.entry.event if list_type else None
        yield Reason(code="list-type-unknown", field=".".join(reading.item_from) or None, value=item, hint=hint)
    elif reading.role == "exit":
        yield from _left(data["removal"]["reason"], list_type)
    else:
        yield from _listed(reading, data, list_type, supplier, catalogue)


def _tolerated(ground: str, catalogue: Catalogue) -> Iterator[Reason]:
    """A ground on which there is no record; one that the catalogue says nothing of counts as such."""
    tolerance = catalogue.tolerance(ground)
    if tolerance is None or not tolerance.record:
        yield Reason(code="minor" if ground == "minor" else "tolerated", field="tolerance.ground", value=ground)


def _left(reason: str, list_type: ListType) -> Iterator[Reason]:
    allowed = [each.code for each in list_type.exit.reasons]
    if reason not in allowed:
        yield Reason(code="enumeration-unknown", field="removal.reason", value=reason, hint="、".join(allowed))


def _listed(
    reading: Reading, data: JsonObject, list_type: ListType, supplier: str, catalogue: Catalogue
) -> Iterator[Reason]:
    listing: JsonObject = data.get("listing", {})
    on = date.fromisoformat(listing.get("listed_on") or listing.get("given_on") or data["document"]["decided_on"])
    field = ".".join(reading.item_from) or None
    if list_type.reference_only:
        yield Reason(code="list-type-reference-only", field=field, value=list_type.code)
    if not _in_force(list_type, on):
        yield Reason(code="list-type-not-in-force", field=field, value=list_type.code)
    if "basis" in list_type.demands:
        yield from _basis(listing, list_type, on, catalogue)
    if reading.role == "entry":
        yield from _decision(listing, list_type)
    yield from _measures(listing, catalogue)
    if "level" in list_type.demands:
        yield from _level(listing.get("level"), list_type, supplier)


def _basis(listing: JsonObject, list_type: ListType, on: date, catalogue: Catalogue) -> Iterator[Reason]:
    basis = listing.get("basis")
    if basis is None:
        yield Reason(code="listing-basis-missing", field="listing.basis")
        return
    document = catalogue.document(basis["document"])
    if document is None or document.rank not in list_type.ranks or not _in_force(document, on):
        yield Reason(code="listing-basis-missing", field="listing.basis.document", value=basis["document"])


def _decision(listing: JsonObject, list_type: ListType) -> Iterator[Reason]:
    """What the decision itself must say, and that the party was told before."""
    if "parts" in list_type.demands:
        told = {"basis"} if "basis" in list_type.demands else set[str]()
        for part in PARTS:
            if part not in told and not listing.get(part):
                yield Reason(code="listing-part-missing", field=f"listing.{part}")
    if "notice" in list_type.demands and not listing.get("notice_number"):
        yield Reason(code="listing-notice-missing", field="listing.notice_number")


def _measures(listing: JsonObject, catalogue: Catalogue) -> Iterator[Reason]:
    for number, measure in enumerate(listing.get("measures", ())):
        if catalogue.measure(measure) is None:
            yield Reason(code="measure-outside-list", field=f"listing.measures.{number}", value=measure)


def _level(said: str | None, list_type: ListType, supplier: str) -> Iterator[Reason]:
    """The level of the office that sends it, and the one that it says decided."""
    least = list_type.entry.level or LEVELS[0]
    division = supplier.rpartition("-")[2] if "-" in supplier else ""
    levels = [level_of(division)] if division else []
    for level in (*levels, *([said] if said else [])):
        if _RANKS.index(level) < _RANKS.index(least):
            yield Reason(code="listing-level-too-low", field="listing.level", value=level, hint=least)
            return


def _in_force(row: Any, on: date) -> bool:
    return (row.valid_from is None or row.valid_from <= on) and (row.valid_to is None or on < row.valid_to)
