"""Understands what every row but a measure owes: a code of its own, references that lead somewhere, sane dates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from credithub.domain.catalogue.book import Catalogue
from credithub.domain.catalogue.check_measures import cited
from credithub.domain.catalogue.files import FILES
from credithub.domain.catalogue.problems import Problem
from credithub.domain.catalogue.rows import SUPERIOR_UNIT, Citation, Department
from credithub.domain.catalogue.terms import CalendarYear

SATURDAY = 5
PERSON_LAW = frozenset({"law", "regulation"})


def manifest_problems(catalogue: Catalogue) -> Iterator[Problem]:
    manifest = catalogue.content.manifest
    if manifest.illustrative is None:
        yield Problem(code="illustrative-missing", file=FILES["manifest"], id=manifest.version)
    if manifest.illustrative is not False:
        return
    marked = ("repair", [(row.id, row) for row in catalogue.content.repair])
    tolerated = ("tolerance", [(row.ground, row) for row in catalogue.content.tolerance])
    for key, rows in (*_dated(catalogue), marked, tolerated):
        for name, row in rows:
            if row.unconfirmed:
                yield Problem(code="unconfirmed-in-force", file=FILES[key], id=name, detail=", ".join(row.unconfirmed))


def repeated_problems(catalogue: Catalogue) -> Iterator[Problem]:
    for key, names in _names(catalogue).items():
        for name, times in Counter(names).items():
            if times > 1:
                yield Problem(code="id-repeated", file=FILES[key], id=name)


def reference_problems(catalogue: Catalogue) -> Iterator[Problem]:
    known = {key: frozenset(names) for key, names in _names(catalogue).items()}
    known["fields"] = frozenset(field.path for item in catalogue.items for field in item.fields)
    known["events"] = frozenset(event for item in catalogue.items for event in item.events)
    known["departments*"] = known["departments"] | {"*"}
    for key, name, target, references in _references(catalogue):
        for reference in references:
            if reference is not None and reference not in known[target]:
                yield Problem(code="reference-unknown", file=FILES[key], id=name, detail=reference)


def _references(catalogue: Catalogue) -> Iterator[tuple[str, str, str, Iterable[str | None]]]:
    for each in catalogue.departments:
        yield "departments", each.code, "departments", (each.succeeded_by, *each.shares_with)
    for each in catalogue.items:
        yield "items", each.code, "departments", each.owners
        yield "items", each.code, "documents", _documents(each.basis)
        yield "items", each.code, "list_types", (each.list_type,)
    for each in catalogue.list_types:
        yield "list_types", each.code, "items", (each.item,)
        yield "list_types", each.code, "departments", each.owners
        yield "list_types", each.code, "documents", _documents(each.basis)
        yield "list_types", each.code, "documents", (each.criteria.document if each.criteria else None,)
        yield "list_types", each.code, "periods", (each.term, each.waiting)
        yield "list_types", each.code, "events", (each.entry.event, each.exit.event)
    for each in catalogue.measures:
        yield "measures", each.id, "departments", each.departments
        yield "measures", each.id, "documents", (each.citation.document if each.citation else None,)
        yield "measures", each.id, "items", each.triggers
        yield "measures", each.id, "periods", (each.term,)
        yield "measures", each.id, "fields", each.grants
    for each in catalogue.routing:
        yield "routing", each.id, "departments*", each.departments
    for each in catalogue.notice_rules:
        yield "routing", each.id, "items", each.items
        yield "routing", each.id, "measures", (each.measure,)
        yield "routing", each.id, "departments", (SUPERIOR_UNIT,) if each.to == "superior" else ()
    yield from _references_of_ends(catalogue)


def _references_of_ends(catalogue: Catalogue) -> Iterator[tuple[str, str, str, Iterable[str | None]]]:
    for each in catalogue.periods:
        yield "periods", each.id, "items", each.items
        yield "periods", each.id, "documents", (each.document,)
    for each in catalogue.content.repair:
        yield "repair", each.id, "items", (each.item,)
        cited_too = (each.not_repairable,) if each.not_repairable else ()
        yield "repair", each.id, "documents", _documents((*each.basis, *cited_too))
    for each in catalogue.content.tolerance:
        yield "tolerance", each.ground, "documents", (each.citation.document,)


def date_problems(catalogue: Catalogue) -> Iterator[Problem]:
    for key, rows in _dated(catalogue):
        for name, row in rows:
            if row.valid_from is not None and row.valid_to is not None and row.valid_to <= row.valid_from:
                yield Problem(
                    code="dates-reversed", file=FILES[key], id=name, detail=f"{row.valid_from} … {row.valid_to}"
                )


def department_problems(catalogue: Catalogue) -> Iterator[Problem]:
    for department in catalogue.departments:
        if department.succeeded_by is None:
            continue
        last = catalogue.department(catalogue.successors[department.code])
        if last is not None and last.succeeded_by is not None and catalogue.department(last.succeeded_by):
            yield Problem(code="successors-cyclic", file=FILES["departments"], id=department.code)
        elif not _handed_over(department, catalogue.department(department.succeeded_by)):
            yield Problem(code="successor-undated", file=FILES["departments"], id=department.code)


def _handed_over(department: Department, after: Department | None) -> bool:
    if department.valid_to is None:
        return False
    return after is None or after.valid_from is None or after.valid_from <= department.valid_to


def item_problems(catalogue: Catalogue) -> Iterator[Problem]:
    for item in catalogue.items:
        if not item.basis or not all(cited(citation) for citation in item.basis):
            yield Problem(code="item-without-basis", file=FILES["items"], id=item.code)
        if not item.owners:
            yield Problem(code="item-without-owner", file=FILES["items"], id=item.code)
        if "natural-person" in item.subject_kinds and not _has_law(catalogue, item.basis):
            yield Problem(code="item-for-persons", file=FILES["items"], id=item.code)
        yield from gone(catalogue, "items", item.code, item.owners)


def period_problems(catalogue: Catalogue) -> Iterator[Problem]:
    for period in catalogue.periods:
        if (period.document is None or period.clause is None) and not period.unconfirmed:
            yield Problem(code="value-unsourced", file=FILES["periods"], id=period.id)


def calendar_problems(catalogue: Catalogue) -> Iterator[Problem]:
    calendar = catalogue.calendar
    file, years = FILES["calendar"], [entry.year for entry in calendar.years]
    wanted = list(range(calendar.known_from.year, calendar.known_until.year + 1))
    whole = calendar.known_from == date(wanted[0], 1, 1) and calendar.known_until == date(wanted[-1], 12, 31)
    if not whole or years != wanted:
        yield Problem(code="calendar-not-contiguous", file=file, id="", detail=", ".join(map(str, years)))
    for entry in calendar.years:
        for day in (*entry.off, *entry.worked):
            if day.year != entry.year:
                yield Problem(code="calendar-not-contiguous", file=file, id=str(entry.year), detail=day.isoformat())
        for day in _contradictions(entry):
            yield Problem(code="calendar-contradiction", file=file, id=str(entry.year), detail=day.isoformat())


def _contradictions(entry: CalendarYear) -> Iterator[date]:
    yield from (day for day in entry.off if day.weekday() >= SATURDAY)
    yield from (day for day in entry.worked if day.weekday() < SATURDAY)
    yield from (day for day, times in Counter((*entry.off, *entry.worked)).items() if times > 1)


def gone(catalogue: Catalogue, key: str, name: str, owners: Iterable[str]) -> Iterator[Problem]:
    for code in owners:
        department = catalogue.department(catalogue.successors.get(code, code))
        if department is not None and not department.acts:
            yield Problem(code="department-generic", file=FILES[key], id=name, detail=code)
        elif department is not None and not department.in_force(catalogue.effective_from):
            yield Problem(code="department-abolished", file=FILES[key], id=name, detail=code)


def _has_law(catalogue: Catalogue, basis: Iterable[Citation]) -> bool:
    documents = [catalogue.document(citation.document) for citation in basis]
    return any(document is not None and document.rank in PERSON_LAW for document in documents)


def _documents(basis: Iterable[Citation]) -> list[str]:
    return [citation.document for citation in basis]


def _names(catalogue: Catalogue) -> dict[str, list[str]]:
    content = catalogue.content
    return {
        "departments": [row.code for row in content.departments],
        "documents": [row.id for row in content.documents],
        "effects": [row.code for row in content.effects],
        "items": [row.code for row in content.items],
        "list_types": [row.code for row in content.list_types],
        "measures": [row.id for row in content.measures],
        "routing": [row.id for row in content.routing],
        "periods": [row.id for row in content.periods],
        "decline_reasons": [row.code for row in content.decline_reasons],
        "repair": [row.id for row in content.repair],
        "tolerance": [row.ground for row in content.tolerance],
    }


def _dated(catalogue: Catalogue):
    """Every row that has a time of being in force."""
    content = catalogue.content
    yield "departments", [(row.code, row) for row in content.departments]
    yield "documents", [(row.id, row) for row in content.documents]
    yield "items", [(row.code, row) for row in content.items]
    yield "list_types", [(row.code, row) for row in content.list_types]
    yield "measures", [(row.id, row) for row in content.measures]
    yield "periods", [(row.id, row) for row in content.periods]
