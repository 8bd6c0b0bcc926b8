"""Understands the faults found in one entry while it is read, and how they may be shown."""

from __future__ import annotations

from typing import Any

from credithub.domain.dates import day_after
from credithub.domain.events import SubmittedEntry
from credithub.domain.persons import mask
from credithub.domain.reasons import Reason, refuses
from credithub.domain.text import has_forbidden, without_forbidden

LONGEST_SHOWN = 80  # characters of a value that a reason repeats
LEAST_AGE = 13  # a serial number with a recent date is no citizen's: nobody so young is reported


class Faults:
    """Collects reasons; reading goes on after each, so that a supplier mends an entry in one go."""

    __slots__ = ("born_until", "latest", "reasons", "row")

    def __init__(self, entry: SubmittedEntry) -> None:
        self.row = entry.row
        self.latest = day_after(entry.received_at)
        self.born_until = int(entry.received_at[:4]) - LEAST_AGE
        self.reasons: list[Reason] = []

    def add(self, code: str, field: str | None, value: str | None = None, hint: str | None = None) -> None:
        reason = Reason(code=code, field=field and mask(field), value=value and shown(value), hint=hint, row=self.row)
        self.reasons.append(reason)

    def refuse(self) -> bool:
        return any(map(refuses, self.reasons))


def shown(value: str) -> str:
    """A value as a reason may repeat it: short, persons' numbers hidden."""
    text = mask(without_forbidden(value))
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def masked(value: Any) -> Any:
    """Any JSON, with persons' numbers hidden in every text and key."""
    if isinstance(value, str):
        return mask(without_forbidden(value) if has_forbidden(value) else value)
    if isinstance(value, dict):
        return {mask(str(name)): masked(part) for name, part in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list):
        return [masked(part) for part in value]  # pyright: ignore[reportUnknownVariableType]
    return masked(str(value)) if isinstance(value, int) and abs(value) > 10**13 else value
