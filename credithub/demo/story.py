"""Understands the order of a day: what is sent when, and what has to have happened before the next is sent."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from credithub.demo.accounts import OUTCOMES
from credithub.demo.client import Client, JsonObject
from credithub.demo.decisions import Decision
from credithub.demo.duties import Duties
from credithub.demo.ledger import Receipt
from credithub.demo.narration import Narrator
from credithub.demo.patience import Patience
from credithub.demo.programme import NAMELESS, Programme
from credithub.demo.tables import Table

WAIT = 10  # seconds that a request may wait for its outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One submission. `either`: an earlier run may have said the same, so a duplicate is as right as archived."""

    what: str  # name of a text
    receipt: Receipt
    expected: Mapping[str, int]
    either: bool = False


@dataclass(slots=True, kw_only=True)
class Story:
    """One run, played by public HTTP alone."""

    programme: Programme
    operator: Client
    suppliers: Mapping[str, str]  # agency → key
    duties: Duties
    narrator: Narrator
    patience: Patience
    sent: list[Sent] = field(default_factory=list[Sent])
    waited: int = 0  # rows that were seen waiting for a registration

    async def play(self) -> None:
        """Returns when nothing moves any more."""
        day = self.programme
        await self._post("registry", day.registrations(), either=True)
        for what, table in (
            ("licences", day.licences()),
            ("resources", day.resources()),
            ("penalties", day.penalties()),
        ):
            await self._file(what, table)
        await self._by_older_codes()
        await self._file("debtor_table", day.debtor_table())
        await self._post("decisions", day.listings(), wait=WAIT)
        await self._post("fines", day.fines())
        await self._post("repeat", day.fines()[:1], {"duplicates": 1}, wait=WAIT)
        await self._post("conflict", [day.changed_fine()], {"quarantined": 1}, wait=WAIT)
        await self._decided()
        await self._file("again", day.licences_again())
        await self._file("re_export", day.resources_again())
        await self._decided()
        await self._follow("duties")
        await self._post("removal", [day.removal()], wait=WAIT)
        await self._decided()
        await self._follow("lifting")

    def of(self, what: str) -> Sent:
        return next(sent for sent in self.sent if sent.what == what)

    async def _by_older_codes(self) -> None:
        """Rows under a code that nobody can place wait, and are archived the moment the register links it."""
        await self._file("legacy", self.programme.legacy())
        await self._decided()
        self.waited = await self._waiting()
        await self._post("late", self.programme.late_registrations())
        await self._decided()
        await self.patience.until("deciding", self._still_waiting)

    async def _follow(self, what: str) -> None:
        """Looks at the cases of all listings until all is told and answered."""
        began = time.monotonic()
        listed = [decision.key for decision in self.programme.listings()]
        rows = [result for result in await self._results("debtor_table") if result["state"] == "archived"]
        self.duties.decided = listed + [(row["source"], row["id"]) for row in rows]
        await self.patience.until(what, self.duties.look)
        many = sum(len(case.obligations) for case in self.duties.cases.values())
        self.narrator.done(what, self.narrator.text("settled", n=many), time.monotonic() - began)

    async def _post(
        self,
        what: str,
        decisions: Sequence[Decision],
        expected: Mapping[str, int] | None = None,
        *,
        either: bool = False,
        wait: int = 0,
    ) -> None:
        began = time.monotonic()
        client = replace(self.operator, key=self.suppliers[decisions[0].supplier])
        receipt = await client.post([decision.event for decision in decisions], wait=wait)
        self._sent(what, receipt, expected or {"archived": len(decisions)}, began, either=either)

    async def _file(self, what: str, table: Table) -> None:
        began = time.monotonic()
        client = replace(self.operator, key=self.suppliers[table.supplier])
        receipt = await client.send_file(table.feed, table.name, table.content)
        self._sent(what, receipt, table.expected, began)

    def _sent(
        self, what: str, receipt: Receipt, expected: Mapping[str, int], began: float, *, either: bool = False
    ) -> None:
        self.sent.append(Sent(what=what, receipt=receipt, expected=expected, either=either))
        many = self.narrator.text("rows", n=len(receipt.entries))
        self.narrator.done(what, f"{many}  {receipt.supplier}", time.monotonic() - began)

    async def _decided(self) -> None:
        """Waits until every entry sent so far has an outcome."""
        await self.patience.until("deciding", self._undecided)

    async def _undecided(self) -> int:
        """Entries of our submissions that nobody has decided yet."""
        summaries = [await self._summary(sent.receipt) for sent in self.sent]
        decided = sum(summary.get(name) or 0 for summary in summaries for name in set(OUTCOMES.values()))
        return sum(len(sent.receipt.entries) for sent in self.sent) - decided

    async def _waiting(self) -> int:
        return int((await self._summary(self.of("legacy").receipt)).get("waiting") or 0)

    async def _still_waiting(self) -> int:
        return await self._waiting() - NAMELESS

    async def _summary(self, receipt: Receipt) -> JsonObject:
        return await replace(self.operator, key=receipt.key).summary(receipt.submission)

    async def _results(self, what: str) -> list[JsonObject]:
        receipt = self.of(what).receipt
        return await replace(self.operator, key=receipt.key).results(receipt.submission)
