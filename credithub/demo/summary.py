"""Understands the last page of a run: what was sent, what followed, what does not hold, where to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from credithub.demo.accounts import Account
from credithub.demo.figures import FILE, Check, Figures
from credithub.demo.narration import Narrator
from credithub.demo.story import Story
from credithub.embedded.state import CONTEXT

OUTCOMES = ("archived", "waiting", "quarantined", "duplicates")
FOLLOWED = ("cases", "obligations", "notifications", "delivered", "feedback", "lost", "seconds")
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
        self.narrator.out.print(self._sent())
        self.narrator.out.print(self._followed())
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
            out.print(f"  {self._text(name)}  {said}", markup=False, soft_wrap=True)

    def _sent(self) -> Table:
        names = ("what", "supplier", "submitted", *OUTCOMES)
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for place, name in enumerate(names):
            table.add_column(self._text(name), justify="left" if place < 2 else "right")
        for sent in self.story.sent:
            receipt = sent.receipt
            counted = self.account.outcomes[receipt.submission]
            numbers = (len(receipt.entries), *(counted[outcome] for outcome in OUTCOMES))
            table.add_row(self._text(sent.what), receipt.supplier, *map(_number, numbers))
        table.add_section()
        totals = (getattr(self.figures, name) for name in ("submitted", *OUTCOMES))
        table.add_row(self._text("total"), "", *map(str, totals))
        return table

    def _followed(self) -> Table:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for name in FOLLOWED:
            table.add_column(self._text(name), justify="right")
        table.add_row(*(str(getattr(self.figures, name)) for name in FOLLOWED))
        return table

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
