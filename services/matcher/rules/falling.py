"""Understands what of an obligation falls due, and on which day first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import TypeAlias

from services.matcher.rules.moves import Obligation

Change: TypeAlias = tuple[str, date | None]  # (kind of moment, its day; None: not any more)
_DAY = timedelta(days=1)


def answer_due(obligation: Obligation) -> date | None:
    """The day after the due date, which itself still counts."""
    if not obligation.owed or obligation.overdue or obligation.due_on is None:
        return None
    return date.fromisoformat(obligation.due_on) + _DAY


def measure_ends(obligation: Obligation) -> date | None:
    if obligation.over or obligation.term_until is None:
        return None
    return date.fromisoformat(obligation.term_until) + _DAY


def moments(before: Obligation | None, after: Obligation, reminder: Callable[[Obligation], date]) -> Iterator[Change]:
    """What its move changes of its moments; `reminder` gives the day of the first reminder. `before` None: it is new."""
    for kind, day_of in (("answer-due", answer_due), ("measure-ends", measure_ends)):
        day = day_of(after)
        if day != (day_of(before) if before else None):
            yield kind, day
    if before and before.overdue and not after.overdue:
        yield "escalate", None
    held = before is not None and before.holding
    if after.holding and not (held and before and before.version == after.version):
        yield "remind", reminder(after)
    elif held and not after.holding:
        yield "remind", None
