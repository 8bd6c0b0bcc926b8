"""Understands how long a record is shown and used: dates worked out once, when it enters, by the version it enters under."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from credithub.domain.calendar import WorkingDays
from credithub.domain.catalogue import Catalogue
from credithub.domain.durations import last_day
from credithub.domain.events import CreditEvent
from services.matcher.rules.records import JsonObject, State

_DAY = timedelta(days=1)
NO_TOLERANCE: JsonObject = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """When a record leaves display and use by itself (last days), and when repair may begin."""

    severity: str | None = None
    display_rule: str | None = None
    display_until: date | None = None
    repairable_from: date | None = None
    term_until: date | None = None
    tolerated: str | None = None
    shown: bool = True  # False: its ground or class says that nothing is published
    acts: bool = True  # False: no measure follows

    @property
    def until(self) -> date | None:
        """The first last day."""
        days = [day for day in (self.display_until, self.term_until) if day]
        return min(days) if days else None

    def state_on(self, day: date) -> State:
        """A term is judged at the moment its input was received (interleavings 35)."""
        return "expired" if self.until and day > self.until else "active"

    def moments(self) -> list[tuple[str, date]]:
        """(kind, first day on which it is over)."""
        named = (("display-ends", self.display_until), ("term-ends", self.term_until))
        return [(kind, day + _DAY) for kind, day in named if day]


ENDLESS = Terms()


def terms_of(event: CreditEvent, catalogue: Catalogue) -> Terms:
    """The terms of a fact or listing by the catalogue version that judges it."""
    if event.role not in ("fact", "entry"):
        return ENDLESS
    penalty, listing = event.data.get("penalty", {}), event.data.get("listing", {})
    severity = penalty.get("severity") or listing.get("severity")
    decided = str(event.document.get("decided_on") or "")
    listed = listing.get("listed_on") or event.data.get("debtor", {}).get("published_on") or decided
    ground = (event.data.get("tolerance") or NO_TOLERANCE).get("ground")
    return _terms(catalogue, event.item, severity, ground, decided, str(listed), str(listing.get("until") or ""))


@lru_cache(maxsize=65536)
def _terms(
    catalogue: Catalogue, item: str, severity: str | None, ground: str | None, decided: str, listed: str, until: str
) -> Terms:
    tolerance = catalogue.tolerance(ground) if ground else None
    start = _day(decided)
    if start is None:
        return Terms(severity=severity, tolerated=ground)
    days, list_type = WorkingDays(catalogue.calendar), catalogue.list_type_of(item)
    begun = _day(listed) or start if list_type else start
    display = catalogue.display_period(item, severity, start)
    term = catalogue.period(list_type.term) if list_type else None
    rule = catalogue.repair_rule(item, severity)
    minimum = (rule.minimum if rule else None) or (display.minimum if display else None)
    return Terms(
        severity=severity,
        display_rule=display.id if display else None,
        display_until=last_day(start, display.maximum, days) if display and display.maximum else None,
        repairable_from=last_day(begun, minimum, days) if minimum else None,
        term_until=_day(until) or (last_day(begun, term.maximum, days) if term and term.maximum else None),
        tolerated=ground,
        shown=tolerance is None or tolerance.display,
        acts=tolerance is None or tolerance.measures,
    )


def _day(said: str) -> date | None:
    return date.fromisoformat(said) if said else None
