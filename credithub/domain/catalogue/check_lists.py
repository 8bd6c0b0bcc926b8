"""Understands when a list may be kept: opened by law, its criteria consulted upon, with a way on and a way off it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from credithub.domain.catalogue.book import Catalogue
from credithub.domain.catalogue.check_measures import STRONG, cited
from credithub.domain.catalogue.check_rows import gone
from credithub.domain.catalogue.files import FILES
from credithub.domain.catalogue.problems import Problem
from credithub.domain.catalogue.rows import Citation, Criteria, ListType

CONSULTED = timedelta(days=30)  # 国办发〔2020〕49号 四(七): 公开征求意见期限不少于30日
OPENED_BY = STRONG | {"local-regulation"}  # 四(六), 四(七)
SET_BY = OPENED_BY | {"ministry-rule"}  # 四(七): 暂不具备条件的可由……部门规章形式确定
DISHONEST = frozenset({"serious-dishonesty", "focus", "abnormal", "judgment-debtor"})
SERIOUS = frozenset({"basis", "notice", "parts", "level"})  # 四(八)


def list_problems(catalogue: Catalogue) -> Iterator[Problem]:
    file = FILES["list_types"]
    for entry in catalogue.list_types:
        for code, detail in (
            *_open(catalogue, entry),
            *_demanded(entry),
            *_consulted(catalogue, entry),
            *_contrary(catalogue, entry),
        ):
            yield Problem(code=code, file=file, id=entry.code, detail=detail)
        yield from gone(catalogue, "list_types", entry.code, entry.owners)


def _open(catalogue: Catalogue, entry: ListType) -> Iterator[tuple[str, str]]:
    if not entry.exit.reasons or not entry.remedy_zh.strip():
        yield "list-without-exit", ""
    if not entry.basis or not all(cited(citation) for citation in entry.basis):
        yield "item-without-basis", ""
    elif entry.kind == "serious-dishonesty" and not entry.legacy and not _ranks(catalogue, entry.basis) & OPENED_BY:
        yield "list-basis-weak", ", ".join(citation.document for citation in entry.basis)
    if entry.legacy and entry.valid_to is None:
        yield "list-legacy-endless", ""
    if entry.reference_only or entry.legacy:
        for measure in catalogue.measures:
            if measure.executable and entry.item in measure.triggers:
                yield "list-may-not-trigger", measure.id


def _contrary(catalogue: Catalogue, entry: ListType) -> Iterator[tuple[str, str]]:
    """Nothing that restrains follows from a red list, and no incentive from a list of dishonesty."""
    for measure in catalogue.measures:
        if not measure.executable or entry.item not in measure.triggers:
            continue
        if entry.kind == "red" and measure.kind != "incentive":
            yield "red-list-restricts", measure.id
        if entry.kind in DISHONEST and measure.kind == "incentive":
            yield "dishonesty-rewarded", measure.id


def _demanded(entry: ListType) -> Iterator[tuple[str, str]]:
    """What an entry is held to; a list of serious dishonesty may leave none of it out."""
    if entry.kind == "serious-dishonesty" and not entry.legacy and (left := SERIOUS - set(entry.demands)):
        yield "list-demands-missing", ", ".join(sorted(left))
    if "level" in entry.demands and entry.entry.level is None:
        yield "list-level-missing", ""
    if "notice" in entry.demands and entry.waiting is None:
        yield "list-waiting-missing", ""


def _consulted(catalogue: Catalogue, entry: ListType) -> Iterator[tuple[str, str]]:
    criteria = entry.criteria
    if criteria is None:
        if entry.kind == "serious-dishonesty" and not entry.legacy:
            yield "list-without-criteria", ""
        return
    if not all(text.strip() for text in _parts(criteria)):
        yield "list-without-criteria", criteria.document
    if criteria.consulted_to - criteria.consulted_from + timedelta(days=1) < CONSULTED:
        yield "list-consulted-too-short", f"{criteria.consulted_from} … {criteria.consulted_to}"
    document = catalogue.document(criteria.document)
    if document is not None and document.rank not in SET_BY:
        yield "list-basis-weak", f"{document.id} ({document.rank})"


def _parts(criteria: Criteria) -> tuple[str, str, str]:
    return criteria.removal_conditions_zh, criteria.removal_procedure_zh, criteria.remedies_zh


def repair_problems(catalogue: Catalogue) -> Iterator[Problem]:
    """Everything can be repaired, unless law or central policy says not (国办发〔2020〕49号 六(十一))."""
    for rule in catalogue.content.repair:
        citation = rule.not_repairable
        if citation is not None and not (cited(citation) and _ranks(catalogue, (citation,)) & STRONG):
            yield Problem(code="repair-uncited", file=FILES["repair"], id=rule.id, detail=citation.document)
        if (not rule.basis or not all(map(cited, rule.basis))) and not rule.unconfirmed:
            yield Problem(code="value-unsourced", file=FILES["repair"], id=rule.id)


def tolerance_problems(catalogue: Catalogue) -> Iterator[Problem]:
    for each in catalogue.content.tolerance:
        if not cited(each.citation):
            yield Problem(code="tolerance-uncited", file=FILES["tolerance"], id=each.ground)
        if each.ground == "minor" and each.record:
            yield Problem(code="minor-recorded", file=FILES["tolerance"], id=each.ground)


def _ranks(catalogue: Catalogue, basis: Iterable[Citation]) -> set[str]:
    documents = (catalogue.document(citation.document) for citation in basis)
    return {document.rank for document in documents if document is not None}
