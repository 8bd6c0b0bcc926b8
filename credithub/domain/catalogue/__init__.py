"""Understands the catalogue: what may be recorded, and what law and policy say must follow."""

from __future__ import annotations

from credithub.domain.catalogue.book import Catalogue, Pair
from credithub.domain.catalogue.check import check
from credithub.domain.catalogue.content import Content
from credithub.domain.catalogue.files import FILES, from_json, load, versions
from credithub.domain.catalogue.problems import PROBLEMS, CatalogueUnreadable, Problem, ProblemText
from credithub.domain.catalogue.rows import (
    LEVELS,
    SUPERIOR_UNIT,
    Citation,
    Criteria,
    Department,
    Document,
    Effect,
    Entry,
    Exit,
    Field,
    Item,
    Level,
    ListType,
    Manifest,
    Measure,
    NoticeRule,
    Reason,
    RepairRule,
    RoutingRule,
    SubjectClass,
    SubjectKind,
    Tolerance,
)
from credithub.domain.catalogue.terms import Calendar, CalendarYear, Duration, Period

__all__ = [
    "FILES",
    "LEVELS",
    "PROBLEMS",
    "SUPERIOR_UNIT",
    "Calendar",
    "CalendarYear",
    "Catalogue",
    "CatalogueUnreadable",
    "Citation",
    "Content",
    "Criteria",
    "Department",
    "Document",
    "Duration",
    "Effect",
    "Entry",
    "Exit",
    "Field",
    "Item",
    "Level",
    "ListType",
    "Manifest",
    "Measure",
    "NoticeRule",
    "Pair",
    "Period",
    "Problem",
    "ProblemText",
    "Reason",
    "RepairRule",
    "RoutingRule",
    "SubjectClass",
    "SubjectKind",
    "Tolerance",
    "check",
    "from_json",
    "load",
    "versions",
]
