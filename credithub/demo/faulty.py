"""Understands the mistakes that real penalty tables have: each turns a good row into one that must be refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from credithub.demo.tables import Row
from credithub.domain.checkdigits import citizen_check


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One way to go wrong: the cells that are changed, and the reason codes its supplier must be told."""

    changes: Mapping[str, str]
    reasons: frozenset[str]


def mistakes(today: date) -> Sequence[Mistake]:
    """One row each; the last has two faults at once."""
    tomorrow = (today + timedelta(days=40)).isoformat()
    return [
        _one("USC_CHECK", CF_XDR_SHXYM="91130822PDY0000010"),
        _one("CHARSET@14", CF_XDR_SHXYM="91130822PDY00O001Q"),  # the letter O for a zero: a hint is offered
        _one("LENGTH", CF_XDR_SHXYM="91130822PDY00001"),
        _one("required-missing", CF_XDR_MC=""),
        _one("required-missing", CF_WSH="-"),
        _one("date-unreadable", CF_JDRQ="二〇二六年春"),
        _one("date-in-future", CF_JDRQ=tomorrow),
        _one("amount-unreadable", CF_NR_FK="贰仟元整左右"),
        _one("amount-negative", CF_NR_FK="-0.2"),
        _one("enumeration-unknown", CF_XDR_LB="外星组织"),
        _one("person-data-refused", CF_XDR_MC="演示某人", CF_XDR_LB="自然人", CF_XDR_SHXYM=""),
        _one("person-number-in-field", CF_XDR_SHXYM=invented_person_number()),
        _one("too-long", CF_WSH="兴市监罚" + "长" * 130 + "1号"),
        Mistake(
            changes={"CF_WFXW": "", "CF_JDRQ": "31/31/2026"}, reasons=frozenset({"required-missing", "date-unreadable"})
        ),
    ]


def spoiled(good: Row, mistake: Mistake) -> Row:
    return {**good, **mistake.changes}


def invented_person_number() -> str:
    """Well formed and nobody's: serial numbers begin at 001."""
    first = "110101" + "19491001" + "000"
    return first + citizen_check(first)


def _one(reason: str, **changes: str) -> Mistake:
    return Mistake(changes=changes, reasons=frozenset({reason}))
