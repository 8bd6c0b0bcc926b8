"""Understands a whole catalogue version as it is written: which rows each file holds."""

from __future__ import annotations

from credithub.domain.catalogue.rows import (
    Department,
    Document,
    Effect,
    Item,
    ListType,
    Manifest,
    Measure,
    NoticeRule,
    Reason,
    RepairRule,
    RoutingRule,
    Tolerance,
    row,
)
from credithub.domain.catalogue.terms import Calendar, Period


@row
class Content:
    """A whole catalogue version as it is written, file by file."""

    manifest: Manifest
    departments: tuple[Department, ...]
    documents: tuple[Document, ...]
    effects: tuple[Effect, ...]
    items: tuple[Item, ...]
    list_types: tuple[ListType, ...]
    measures: tuple[Measure, ...]
    routing: tuple[RoutingRule | NoticeRule, ...]
    periods: tuple[Period, ...]
    decline_reasons: tuple[Reason, ...]
    calendar: Calendar
    tolerance: tuple[Tolerance, ...] = ()
    repair: tuple[RepairRule, ...] = ()
