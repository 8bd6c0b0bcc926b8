"""Understands a matcher whose clock the test moves: its queue of due moments, and what the notifier would have begun."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import cast

from credithub.domain.notifications import Feedback, Notification
from services.matcher.on_due import OnDue
from services.matcher.on_registry import OnRegistry
from tests.harness.business import Business
from tests.harness.ground import Database
from tests.integration.matcher.conftest import Matcher

MANDATORY = "mandatory AND due_on IS NOT NULL"


@dataclass(slots=True)
class Works:
    matcher: Matcher
    database: Database
    business: Business

    async def work(self, at_once: int = 500) -> int:
        """Everything that is due; gives the number of moments."""
        on_due, done = OnDue(self.matcher.engine, self.matcher.books, at_once), 0
        while worked := await on_due.run_once():
            done += worked
        return done

    def pass_period(self, period: str) -> None:
        """A period of the hub's own goes by."""
        self.business.until(self.matcher.books.own_period(self.business.catalogue.version, period))

    async def moments(self) -> dict[str, int]:
        rows = await self.matcher.rows("SELECT kind, count(*) AS n FROM matcher.moments GROUP BY 1")
        return {str(row["kind"]): cast(int, row["n"]) for row in rows}

    async def told(self, *kinds: str) -> list[Notification]:
        return [n for n in await self.matcher.told() if n.kind in kinds]

    async def due_on(self) -> date:
        (row,) = await self.matcher.rows(f"SELECT max(due_on) AS due_on FROM matcher.obligations WHERE {MANDATORY}")
        return cast(date, row["due_on"])

    async def begun(self, obligations: Collection[str]) -> None:
        """The notifier began to tell these obligations' agencies."""
        await self.database.rows(
            "INSERT INTO notifier.tasks (agency, obligation, seen_epoch, seen_version, begun)"
            " SELECT agency, obligation, epoch, version, ARRAY['kafka'] FROM matcher.obligations"
            " WHERE obligation = ANY($1) ON CONFLICT DO NOTHING",
            list(obligations),
        )

    async def register(self, agency: str, *, superior: str | None = None, kind: str = "agency") -> None:
        department, _, division = agency.rpartition("-")
        await self.database.rows(
            "INSERT INTO gateway.agencies (id, department, division, name_zh, name_en, kind, superior, valid_from)"
            " VALUES ($1, $2, $3, '演示', 'demo', $4, $5, '2020-01-01')",
            agency, department, division, kind, superior,
        )  # fmt: skip

    async def sweep(self) -> None:
        on_registry = OnRegistry(self.matcher.engine, self.matcher.books)
        while await on_registry.run_once():
            pass


def answer(to: Notification, said: str, n: int = 1, **changed: object) -> Feedback:
    values: dict[str, object] = {
        "id": f"fbk_{to.obligation}_{said}_{n}", "agency": to.agency, "obligation": to.obligation, "epoch": to.epoch,
        "version": to.version, "answer": said, "reason": None, "document": None, "happened_on": None,
        "received_at": "2026-11-20T09:00:00.000000Z", "via": "http",
    }  # fmt: skip
    return Feedback(**(values | changed))  # type: ignore[arg-type]
