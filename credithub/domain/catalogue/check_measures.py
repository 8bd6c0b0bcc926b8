"""Understands when a measure may become an obligation: cited, in force, addressed to somebody, and no free text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from credithub.domain.catalogue.book import Catalogue
from credithub.domain.catalogue.layers import LOCAL_RANK
from credithub.domain.catalogue.problems import Problem
from credithub.domain.catalogue.rows import SUPERIOR_UNIT, Citation, Measure, NoticeRule

FILE = "measures.json"
LIST_ID = re.compile(r"[A-Z]+\d*-[A-Z]?\d{2,}")
STRONG = frozenset({"law", "regulation", "central-policy"})


def measure_problems(catalogue: Catalogue) -> Iterator[Problem]:
    for measure in catalogue.measures:
        codes = [*_list_faults(catalogue, measure)]
        if measure.executable or measure.by_notice:
            codes += [*_citation_faults(catalogue, measure), *_duty_faults(catalogue, measure)]
            codes += _actor_faults(catalogue, measure)
        elif measure.because is None:
            codes.append(("measure-unexplained", ""))
        for code, detail in codes:
            yield Problem(code=code, file=FILE, id=measure.id, detail=detail)


def _list_faults(catalogue: Catalogue, measure: Measure) -> Iterator[tuple[str, str]]:
    if not LIST_ID.fullmatch(measure.id):
        yield "measure-free-text", measure.id
    if catalogue.effect(measure.effect) is None:
        yield "measure-free-text", measure.effect


def cited(citation: Citation | None) -> bool:
    return citation is not None and all(
        part.strip() for part in (citation.document, citation.clause, citation.quote_zh)
    )


def _citation_faults(catalogue: Catalogue, measure: Measure) -> Iterator[tuple[str, str]]:
    if measure.citation is None or not cited(measure.citation):
        yield "measure-uncited", ""
        return
    document = catalogue.document(measure.citation.document)
    if document is None:
        return  # reported as an unknown reference
    local = catalogue.content.manifest.layer == "local" and document.rank == LOCAL_RANK
    if document.rank not in STRONG and not local:
        yield "citation-weak", f"{document.id} ({document.rank})"
    if not in_force(document.valid_from, document.valid_to, catalogue):
        yield "citation-not-in-force", document.id


def _duty_faults(catalogue: Catalogue, measure: Measure) -> Iterator[tuple[str, str]]:
    effect = catalogue.effect(measure.effect)
    owed = measure.mandatory and effect is not None and effect.overdue
    if owed and measure.due_working_days is None:
        yield "due-missing", ""
    if not owed and measure.due_working_days is not None:
        yield "due-unowed", str(measure.due_working_days)
    if measure.term is None:
        yield "term-missing", ""
    if not measure.triggers and not measure.by_notice:
        yield "measure-without-trigger", ""
    if set(measure.applies_to) <= {"natural-person"}:
        yield "measure-for-persons", ""
    if not in_force(measure.valid_from, measure.valid_to, catalogue):
        yield "measure-not-in-force", ""


def _actor_faults(catalogue: Catalogue, measure: Measure) -> Iterator[tuple[str, str]]:
    if not measure.departments:
        yield "measure-without-department", ""
    for code in measure.departments:
        department = catalogue.department(catalogue.successors.get(code, code))
        if department is None:
            continue  # reported as an unknown reference
        if not department.acts and not (measure.by_notice and code == SUPERIOR_UNIT):
            yield "department-generic", code
        elif not department.in_force(catalogue.effective_from):
            yield "department-abolished", code
        if catalogue.routing_rule(department.code) is None:
            yield "routing-uncovered", department.code


def notice_problems(catalogue: Catalogue) -> Iterator[Problem]:
    """A notice is for information, of something bad, and of the measures that nothing else triggers (35号 四(十二))."""
    for rule in catalogue.notice_rules:
        for code, detail in _notice_faults(catalogue, rule):
            yield Problem(code=code, file="routing.json", id=rule.id, detail=detail)


def _notice_faults(catalogue: Catalogue, rule: NoticeRule) -> Iterator[tuple[str, str]]:
    measure = catalogue.measure(rule.measure)
    if measure is not None:
        effect = catalogue.effect(measure.effect)
        if not measure.by_notice:
            yield "notice-by-trigger", measure.id
        if measure.kind != "supervision" or measure.mandatory or (effect is not None and effect.overdue):
            yield "notice-owed", measure.id
    for item in rule.items:
        list_type = catalogue.list_type_of(item)
        if list_type is not None and (list_type.kind == "red" or list_type.reference_only or list_type.legacy):
            yield "list-may-not-trigger", item


def in_force(valid_from: date | None, valid_to: date | None, catalogue: Catalogue) -> bool:
    on = catalogue.effective_from
    return (valid_from is None or valid_from <= on) and (valid_to is None or on < valid_to)
