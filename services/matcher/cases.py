"""Understands a case that goes beyond its own seat: which regions are asked, and what each one answers.

国发〔2016〕33号 四(十六): a region may initiate for its own serious subjects, and others join it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from credithub import ids
from services.matcher.batch import Batch
from services.matcher.lives import Lives
from services.matcher.regions import Regions
from services.matcher.rules import scope as rules
from services.matcher.rules.filing import Filed
from services.matcher.rules.records import Life
from services.matcher.store import duties as obligations
from services.matcher.store import entries
from services.matcher.store import scopes as store


@dataclass(slots=True)
class Cases:
    """The cases of one batch; subjects are locked."""

    batch: Batch
    lives: Lives

    async def run(self, filed: Sequence[Filed]) -> None:
        for one, life in await self.lives.meant(filed):  # rare, and each may build on the one before it
            case = ids.case_id(life.record)
            asked = await store.of_case(self.batch.conn, life.organisation_code, case)
            catalogue = self.batch.books.catalogue(life.catalogue)
            if refused := rules.refusal(one.event, life, catalogue, {row.division: row.state for row in asked}):
                await self.batch.refuse([(one, refused)])
                continue
            if one.event.kind == "case.initiated":
                await self._asked(one, life, case)
            else:
                await self._answered(one, life, case)
            await entries.revise(self.batch.conn, [(one.event, "archived", life.organisation_code, life.record)])
            self.batch.counts["archived"] += 1

    async def _asked(self, one: Filed, life: Life, case: str) -> None:
        said = one.event.data["case"]
        conn, duties = self.batch.conn, self.batch.duties
        await obligations.open_cases(conn, [(life.organisation_code, case, life.record, life.item)], duties.at)
        await store.ask(
            conn, life.organisation_code, case, said["scope"], by=one.event.supplier, reason=said["reason"],
            at=one.event.received_at,
        )  # fmt: skip

    async def _answered(self, one: Filed, life: Life, case: str) -> None:
        said = one.event.data["case"]
        await store.answer(
            self.batch.conn, life.organisation_code, case, said["division"], state=said["answer"],
            by=one.event.supplier, reason=said.get("reason"), at=one.event.received_at,
        )  # fmt: skip
        if said["answer"] == "accepted":
            subjects = {life.organisation_code: self.batch.subjects[life.organisation_code]}
            await Regions(self.batch.duties).settle(subjects)
