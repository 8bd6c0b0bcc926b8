"""Understands the small world that the walk goes through: a catalogue in two versions, two counties, a few offices."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from credithub.domain.catalogue import Catalogue, from_json
from tests.integration.matcher.conftest import shipped

JsonObject = dict[str, Any]
CODES = ("PDY900077", "PDY900085", "PDY900093", "PDY900106", "PDY900114", "PDY900122")
HERE, THERE, CITY = "130822", "130823", "130800"
NATION = ("130000", "000000")
DEBTOR, LIST, PENALTY, LICENCE = "judgment-debtor", "walk-list", "penalty", "licence"
COURT, COURT_ABOVE, OWNER, BUREAU, REGISTER = (
    f"spc-{HERE}",
    f"spc-{CITY}",
    f"mohrss-{HERE}",
    f"mnr-{HERE}",
    f"samr-{HERE}",
)
BEGINS = date(2027, 1, 4)  # the walk's first day, a Monday
TURNS = BEGINS + timedelta(days=150)  # the second version's first day
FIRST, SECOND = "walk-1", "walk-2"
OWN_TERM = "P64-41"  # the measure with a term of its own
OWN_MONTHS = 6

# measure: the items that call upon it, and the departments that act
CALLED: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "P64-12": ((DEBTOR, LIST), ("mof", "ndrc")), "P64-10": ((DEBTOR,), ("moca",)), OWN_TERM: ((DEBTOR,), ("moj",)),
    "P64-33": ((LIST,), ("mohurd", "mnr")), "P64-27": ((), ("gacc",)),
}  # fmt: skip
NEVER = {"P64-08": "not executable", "P64-47": "without a citation"}  # they name the debtors as well, and must not act
LATE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    **CALLED,
    "P64-10": ((), ("moca",)),
    "P64-27": ((DEBTOR,), ("gacc",)),
}

STANDING = (  # offices from the first day
    f"mof-{CITY}", f"ndrc-{CITY}", f"mof-{HERE}", f"ndrc-{HERE}", f"ndrc-{THERE}", f"moca-{HERE}", f"moca-{THERE}",
        f"moj-{HERE}",
    f"moj-{THERE}", f"mohurd-{HERE}", f"mnr-{HERE}", f"mnr-{THERE}", f"gacc-{HERE}",
)  # fmt: skip
JOINING = (f"mof-{THERE}", f"mohurd-{CITY}", f"mohurd-{THERE}", f"gacc-{THERE}", f"moj-{CITY}")
PARTNERS = frozenset({f"moca-{THERE}"})


def pairs(version: str, item: str) -> dict[tuple[str, str], None]:
    """(measure, department) of the version, as its authors meant them."""
    rows = CALLED if version == FIRST else LATE
    return {(m, d): None for m, (items, departments) in rows.items() if item in items for d in departments}


@cache
def catalogue(version: str = FIRST) -> Catalogue:
    content = copy.deepcopy(shipped().to_json())
    content["manifest"] |= {
        "version": version,
        "effective_from": "2026-01-01" if version == FIRST else TURNS.isoformat(),
    }
    content["manifest"]["reaches"] = "new" if version == FIRST else "active"
    _list(content)
    _periods(content)
    content["measures"] = [_measure(row, version) for row in content["measures"] if row["id"] in {*CALLED, *NEVER}]
    content["repair"] = REPAIR
    return from_json(content)


REPAIR: list[JsonObject] = [
    {"id": "debtor", "item": DEBTOR, "conditions": ["duty-done", "commitment"]},
    {"id": "list", "item": LIST, "conditions": ["minimum-period"], "minimum": {"number": 2, "unit": "months"}},
    {"id": "penalty", "item": PENALTY, "conditions": ["commitment"]},
    {"id": "penalty-serious", "item": PENALTY, "severity": "serious",
     "not_repairable": {"document": "国办发〔2020〕49号", "clause": "六(十一)", "quote_zh": "不予修复"}},
]  # fmt: skip


def _list(content: JsonObject) -> None:
    debtor = next(row for row in content["items"] if row["code"] == DEBTOR)
    kind = next(row for row in content["list_types"] if row["code"] == DEBTOR)
    fields = [{"path": "listing.listed_on", "name_zh": "列入日期", "name_en": "listed on", "share": "agencies"},
              {"path": "listing.facts", "name_zh": "事实", "name_en": "facts", "share": "hub"}]  # fmt: skip
    events = ["list.notice-given", "list.entered", "list.removed"]
    content["items"].append(
        debtor | {"code": LIST, "events": events, "owners": ["mohrss"], "list_type": LIST, "fields": fields}
    )
    content["list_types"].append(
        kind | {"code": LIST, "item": LIST, "owners": ["mohrss"], "entry": {"event": "list.entered", "level": "county"},
                "exit": {"event": "list.removed", "reasons": kind["exit"]["reasons"]}, "demands": ["notice"],
                "waiting": "walk-waiting", "term": "walk-term"}
    )  # fmt: skip


def _periods(content: JsonObject) -> None:
    row = {"name_zh": "期", "name_en": "period"}
    content["periods"] = [each for each in content["periods"] if each["id"] != "award-limit"] + [
        row | {"id": "walk-waiting", "kind": "deadline", "starts": "told", "maximum": {"number": 5, "unit": "days"}},
        row | {"id": "walk-term", "kind": "term", "starts": "listing", "maximum": {"number": 1, "unit": "years"},
            "items": [LIST]},
        row | {"id": "award-limit", "kind": "term", "starts": "listing", "maximum": {"number": OWN_MONTHS, "unit": "months"}},
    ]  # fmt: skip


def _measure(row: JsonObject, version: str) -> JsonObject:
    if row["id"] in NEVER:
        cited = {"citation": None} if row["id"] == "P64-47" else {}
        return row | {"triggers": [DEBTOR], "applies_to": ["organisation"]} | cited
    items, departments = (CALLED if version == FIRST else LATE)[row["id"]]
    return row | {"triggers": list(items), "departments": list(departments), "executable": bool(items)}


@dataclass(frozen=True)
class Terms:
    """How long a record of the walk is shown and in force: last days."""

    until: date | None = None
    own: date | None = None  # of the measure with a term of its own


def months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in range(day.day, 27, -1):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    return date(year, month + 1, day.day)


DISPLAY = {"slight": 3, "general": 12, "serious": 36}


def terms(item: str, data: JsonObject, decided: date) -> Terms:
    if item == PENALTY:
        return Terms(until=months_later(decided, DISPLAY[data["penalty"].get("severity") or "general"]))
    if item == DEBTOR:
        return Terms(until=months_later(decided, 24), own=months_later(decided, OWN_MONTHS))
    if item == LIST and "listing" in data and "listed_on" in data["listing"]:
        said = data["listing"]
        begun = date.fromisoformat(said["listed_on"])
        return Terms(until=date.fromisoformat(said["until"]) if said.get("until") else months_later(begun, 12))
    return Terms()


def places(seat: str) -> tuple[str, ...]:
    """The seat and what lies above it, nearest first."""
    return tuple(dict.fromkeys((seat, seat[:4] + "00", seat[:2] + "0000", "000000")))
