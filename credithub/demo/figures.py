"""Understands the sum of a run: its twelve figures, and whether they hold together with what was to be expected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from credithub.demo.accounts import Account
from credithub.demo.duties import Duties
from credithub.demo.ledger import Ledger

FILE = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What run.json holds, in its order."""

    submitted: int
    archived: int
    waiting: int
    quarantined: int
    duplicates: int
    cases: int
    obligations: int
    notifications: int
    delivered: int
    feedback: int
    lost: int
    seconds: float

    @property
    def balanced(self) -> bool:
        return self.submitted == self.archived + self.waiting + self.quarantined + self.duplicates

    def write(self, data: Path) -> None:
        (data / FILE).write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold, with what was wanted and what was found."""

    name: str  # of a text
    wanted: object
    found: object

    @property
    def holds(self) -> bool:
        return self.wanted == self.found


def figures(ledger: Ledger, account: Account, duties: Duties, seconds: float) -> Figures:
    """`lost` is counted: promises nobody can account for, obligations untold, notifications without delivery row."""
    cases = list(duties.cases.values())
    untold = sum(len(case.untold()) for case in cases)
    unsent = sum(len(case.unsent()) for case in cases)
    return Figures(
        submitted=ledger.submitted,
        archived=account.total("archived"),
        waiting=account.total("waiting"),
        quarantined=account.total("quarantined"),
        duplicates=account.total("duplicates"),
        cases=sum(len(case.trail["cases"]) for case in cases),
        obligations=sum(len(case.obligations) for case in cases),
        notifications=sum(len(case.notifications) for case in cases),
        delivered=sum(d["state"] == "delivered" for case in cases for d in case.deliveries),
        feedback=sum(f["outcome"] == "accepted" for case in cases for f in case.feedback),
        lost=len(account.lost) + untold + unsent,
        seconds=round(seconds, 1),
    )


def broken(checks: Sequence[Check]) -> list[Check]:
    return [check for check in checks if not check.holds]
