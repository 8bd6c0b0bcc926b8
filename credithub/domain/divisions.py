"""Understands the administrative divisions of GB/T 2260, with those that were abolished and what followed them.

The shipped table names every province, most cities and some counties; a county it does not name is no fault.
"""

from __future__ import annotations

from dataclasses import dataclass

from credithub.domain.tables import code_table

NATION = "000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    code: str  # six digits
    name: str
    until: str | None = None  # first day it no longer was, ISO
    successor: str | None = None


_DIVISIONS = {row["code"]: Division(**row) for row in code_table("divisions")["divisions"]}
_PROVINCES = frozenset(code[:2] for code in _DIVISIONS if code.endswith("0000") and code != "100000")
_OBSOLETE = frozenset(code for code, division in _DIVISIONS.items() if division.until)


def division(code: str) -> Division | None:
    """What the table knows of these six digits; None is no fault by itself."""
    return _DIVISIONS.get(code)


def is_known(code: str) -> bool:
    """Whether it lies in a known province; 100000 stands for the nation's own registrars."""
    return code[:2] in _PROVINCES or code == "100000"


def is_obsolete(code: str) -> bool:
    return code in _OBSOLETE


def is_province(two: str) -> bool:
    return two in _PROVINCES


def above(code: str) -> tuple[str, ...]:
    """The division itself and every level above it: 130822, 130800, 130000, 000000."""
    return tuple(dict.fromkeys((code, code[:4] + "00", code[:2] + "0000", NATION)))
