"""Understands what became of everything promised: each entry of each receipt is looked up, none inferred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from credithub.demo.client import Client
from credithub.demo.ledger import Held, Ledger, Receipt

OUTCOMES = {
    "archived": "archived",
    "waiting-subject": "waiting",
    "waiting-record": "waiting",
    "quarantined": "quarantined",
    "duplicate": "duplicates",
}


@dataclass(slots=True)
class Account:
    """Entries by outcome, for each submission; and those of which nobody can say anything."""

    outcomes: dict[str, Counter[str]] = field(default_factory=dict[str, Counter[str]])
    lost: list[Held] = field(default_factory=list[Held])

    def total(self, outcome: str) -> int:
        return sum(counted[outcome] for counted in self.outcomes.values())

    def of(self, receipts: Iterable[Receipt]) -> Counter[str]:
        return sum((self.outcomes[receipt.submission] for receipt in receipts), Counter[str]())


async def accounted(ledger: Ledger, operator: Client) -> Account:
    """Reads every submission back with the key that sent it; what is missing there is looked for in the trail."""
    account = Account()
    for receipt in ledger:
        results = await replace(operator, key=receipt.key).results(receipt.submission)
        states = {result["index"]: str(result["state"]) for result in results}
        counted = account.outcomes.setdefault(receipt.submission, Counter())
        for entry in receipt.entries:
            state = states.get(entry.index) or await _by_trail(entry, operator)
            if state in OUTCOMES:
                counted[OUTCOMES[state]] += 1
            else:
                account.lost.append(entry)
    return account


async def _by_trail(entry: Held, operator: Client) -> str:
    """What the trail says of this very arrival."""
    if entry.source is None or entry.id is None:
        return ""
    trail = await operator.trail(entry.source, entry.id)
    for arrival in trail["arrivals"] if trail else ():
        if (arrival["submission"], arrival["index"]) == (entry.submission, entry.index):
            return str(arrival["state"])
    return ""
