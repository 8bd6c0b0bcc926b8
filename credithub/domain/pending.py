"""Understands what is still to be done about an objection or an application for repair: by whom, until when, and if late."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

COLLECTOR = "hub"


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """One thing that somebody has to do."""

    who: str  # an agency, or the hub
    what: str  # verify | close | decide
    due_on: date | None
    late: bool
    text_zh: str
    text_en: str


def of_objection(row: Mapping[str, Any], on: date) -> tuple[Next, ...]:
    """Both verify, each by its own date; then the department that determined the record, or the hub, closes it."""
    if row["state"] != "open":
        return ()
    open_: list[Next] = []
    for part, who in (("supplier", row["determining"]), ("collector", COLLECTOR)):
        if row[f"{part}_at"] is None:
            zh, en = (
                ("提供单位核实", "the supplier verifies")
                if part == "supplier"
                else ("归集单位核实", "the hub verifies")
            )
            open_.append(_next(who, "verify", row[f"{part}_due_on"], on, zh, en))
    return tuple(open_) or (
        _next(row["determining"], "close", None, on, "认定单位办结并说明理由", "close it with a reason"),
    )


def of_repair(row: Mapping[str, Any], on: date) -> tuple[Next, ...]:
    """谁认定、谁修复: the organ that determined the record decides."""
    if row["state"] != "applied":
        return ()
    return (
        _next(row["determining"], "decide", row["due_on"], on, "认定单位作出修复决定", "decide on the application"),
    )


def _next(who: str, what: str, due_on: date | None, on: date, zh: str, en: str) -> Next:
    return Next(who=who, what=what, due_on=due_on, late=due_on is not None and due_on < on, text_zh=zh, text_en=en)
