"""Understands the last page of a run: what was sent, what followed, what does not hold, where to look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.cells import set_cell_size
from rich.table import Table

from credithub.demo.accounts import Account
from credithub.demo.figures import FILE, Check, Figures
from credithub.demo.narration import Narrator
from credithub.demo.story import Story
from credithub.embedded.state import CONTEXT

OUTCOMES = ("archived", "waiting", "quarantined", "duplicates")
FOLLOWED = ("cases", "obligations", "notifications", "delivered", "feedback", "lost", "seconds")
LABEL = 16  # columns
MOST_LOST = 20  # entries named one by one
LONGEST = 400  # characters of a value that does not hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    narrator: Narrator
    story: Story
    account: Account
    figures: Figures

    def show(self, checks: Sequence[Check]) -> None:
        """The tables go to stdout; what does not hold follows them."""
        self.narrator.quiet()
        for part in ("", self._sent(), "", self._followed(), "", self._states(), ""):
            self.narrator.out.print(part, soft_wrap=isinstance(part, str))
        for name in dict.fromkeys(check.name for check in checks):
            self._line(name, [check for check in checks if check.name == name and not check.holds])
        self._lost()
        good = all(check.holds for check in checks)
        self.narrator.out.print(
            f"\n{'✓' if good else '✗'} {self._text('reconciles' if good else 'broken')}\n", markup=False
        )

    def addresses(self, *, url: str, kafka: str, key: str, data: Path) -> None:
        """Where to look. The key itself is shown to a person only, never to a log."""
        out, listing = self.narrator.out, self.story.programme.listings()[0]
        code = listing.event["data"]["subject"]["unified_code"]
        shown = key if out.is_terminal else self._text("key_in", file=data / CONTEXT)
        lines = (
            ("ops", f"{url}/ops"),
            ("key", shown),
            ("contract", f"{url}/openapi.json  {url}/asyncapi.json"),
            ("example", f"{url}/v1/trail?source={listing.key[0]}&id={listing.key[1]}  {url}/v1/subjects/{code}"),
            ("agencies", f"{kafka}  SCRAM-SHA-512"),
            ("figures", str(data / FILE)),
        )
        for name, said in lines:
            out.print(f"  {set_cell_size(self._text(name), LABEL)} {said}", markup=False, soft_wrap=True)

    def _sent(self) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0))
        table.add_column(self._text("what"), no_wrap=True)
        for name in ("submitted", *OUTCOMES):
            table.add_column(self._text(name), justify="right", no_wrap=True)
        for sent in self.story.sent:
            counted = self.account.outcomes[sent.receipt.submission]
            numbers = (len(sent.receipt.entries), *(counted[outcome] for outcome in OUTCOMES))
            table.add_row(self._text(sent.what), *map(_number, numbers))
        totals = (getattr(self.figures, name) for name in ("submitted", *OUTCOMES))
        table.add_row(self._text("total"), *map(str, totals), style="bold")
        return table

    def _followed(self) -> Table:
        table = Table(box=None, padding=(0, 1, 0, 0))
        for name in FOLLOWED:
            table.add_column(self._text(name), justify="right", no_wrap=True)
        table.add_row(*(str(getattr(self.figures, name)) for name in FOLLOWED))
        return table

    def _states(self) -> str:
        """How the obligations stand now."""
        cases = self.story.duties.cases.values()
        counted = Counter(str(obligation["state"]) for case in cases for obligation in case.obligations)
        return "  " + " · ".join(f"{self._text(f'state_{state}')} {many}" for state, many in counted.most_common())

    def _line(self, name: str, broken: Sequence[Check]) -> None:
        out = self.narrator.out
        out.print(f"  {'✗' if broken else '✓'} {self._text(name)}", markup=False, soft_wrap=True)
        for check in broken:
            wanted, found = str(check.wanted)[:LONGEST], str(check.found)[:LONGEST]
            out.print(f"      {self._text('wanted', wanted=wanted, found=found)}", markup=False, soft_wrap=True)

    def _lost(self) -> None:
        for entry in self.account.lost[:MOST_LOST]:
            told = self._text("lost_entry", submission=entry.submission, index=entry.index, id=entry.id or "")
            self.narrator.out.print(f"      {told}", markup=False, soft_wrap=True)

    def _text(self, name: str, **values: object) -> str:
        return self.narrator.text(name, **values)


def _number(number: int) -> str:
    return str(number) if number else "·"
