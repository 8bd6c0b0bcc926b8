"""Understands a matcher without Kafka: its handler on a real database, with an example county's agencies."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from credithub import clock
from credithub.db.catalogues import Catalogues
from credithub.db.engine import AsyncEngine, make_engine, text
from credithub.db.values import as_json
from credithub.domain.catalogue import Catalogue, load
from credithub.domain.events import CreditEvent
from credithub.domain.notifications import DeliveryReport, Feedback, Notification
from credithub.domain.routing import Agencies, Agency
from credithub.kafka.consumer import Record
from services.matcher.books import Books
from services.matcher.on_deliveries import OnDeliveries
from services.matcher.on_events import OnEvents
from services.matcher.on_feedback import OnFeedback
from tests.harness.business import Business
from tests.harness.ground import ROOT, Database

if TYPE_CHECKING:
    from tests.integration.matcher.clockwork import Works


@dataclass
class Matcher:
    engine: AsyncEngine
    books: Books

    async def take(self, *events: CreditEvent) -> dict[str, int]:
        """Handles the events as one batch; gives the counts by outcome that are not nought."""
        return await self._run(OnEvents(self.books), [e.to_bytes() for e in events])

    async def hear(self, *answers: Feedback) -> dict[str, int]:
        return await self._run(OnFeedback(self.books), [a.to_bytes() for a in answers])

    async def reported(self, *reports: DeliveryReport) -> dict[str, int]:
        return await self._run(OnDeliveries(), [r.to_bytes() for r in reports])

    async def _run(self, handler: OnEvents | OnFeedback | OnDeliveries, values: Sequence[bytes]) -> dict[str, int]:
        write = await handler([Record("topic", 0, n, b"key", value, 0) for n, value in enumerate(values)])
        async with self.engine.begin() as conn:
            return {outcome: n for outcome, n in (await write(conn)).items() if n}

    async def rows(self, sql: str) -> list[dict[str, object]]:
        async with self.engine.connect() as conn:
            return [dict(row) for row in (await conn.execute(text(sql))).mappings()]

    @staticmethod
    def json(value: object) -> Any:
        """A jsonb column, whichever way the driver gives it."""
        return as_json(value)

    async def count(self, sql: str) -> int:
        async with self.engine.connect() as conn:
            return int((await conn.execute(text(sql))).scalar_one())

    async def states(self, org: str = "PDY900077") -> dict[str, int]:
        """How many obligations of the subject are in each state."""
        async with self.engine.connect() as conn:
            rows = await conn.execute(
                text("SELECT state, count(*) AS n FROM matcher.obligations_v WHERE organisation_code = :o GROUP BY 1"),
                {"o": org},
            )
            return {r.state: r.n for r in rows}

    async def told(self, topic: str | None = None) -> list[Notification]:
        """Everything in the outbox, in its order."""
        async with self.engine.connect() as conn:
            rows = await conn.execute(text("SELECT topic, value FROM matcher.outbox ORDER BY epoch, id"))
            return [Notification.from_bytes(bytes(r.value)) for r in rows if topic in (None, r.topic)]

    def have(self, agencies: Sequence[str]) -> None:
        """The registry holds these agencies, each named `<department>-<division>`."""
        named = [(name, *name.rsplit("-", 1)) for name in agencies]
        self.books.agencies = Agencies([Agency(id=n, department=dep, division=div) for n, dep, div in named])

    def agencies(self, *departments: str, division: str = "130822") -> None:
        self.books.agencies = Agencies(
            [Agency(id=f"{d}-{division}", department=d, division=division) for d in departments]
        )


@cache
def shipped() -> Catalogue:
    return load(ROOT / "schemas" / "catalogue" / "2026-illustrative.2")


@pytest.fixture
def catalogue() -> Catalogue:
    return shipped()


@pytest.fixture
async def matcher(database: Database, catalogue: Catalogue) -> AsyncGenerator[Matcher]:
    engine = make_engine(database.settings("matcher"), "matcher")
    made = Matcher(engine, Books(engine, Catalogues(engine, {catalogue.version: catalogue})))
    made.agencies(*{department for _, department in catalogue.measures_for("judgment-debtor")})
    yield made
    await engine.dispose()


@pytest.fixture
async def works(matcher: Matcher, database: Database, catalogue: Catalogue) -> AsyncGenerator[Works]:
    """The matcher with a business clock that the test moves; it is put back afterwards."""
    from tests.integration.matcher.clockwork import Works

    yield Works(matcher, database, Business(catalogue))
    clock.set_ahead(timedelta(0))
