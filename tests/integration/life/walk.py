"""Understands the walk: one random step after another through the life of records, on the real handlers and PostgreSQL.

Every step is told by one number alone, so that a story may be played again, and shortened.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import asyncpg

from credithub import clock
from credithub.db.catalogues import Catalogues
from credithub.db.engine import AsyncEngine, make_engine
from credithub.domain.catalogue.book import content_adapter
from credithub.domain.events import CreditEvent
from credithub.domain.notifications import Feedback
from credithub.kafka.consumer import Record
from services.matcher.books import Books
from services.matcher.on_catalogue import OnCatalogue
from services.matcher.on_deliveries import OnDeliveries
from services.matcher.on_due import OnDue
from services.matcher.on_events import OnEvents
from services.matcher.on_feedback import OnFeedback
from services.matcher.on_registry import OnRegistry
from tests.harness.ground import Database
from tests.integration.life import world
from tests.integration.life.acts import Acts
from tests.integration.life.fleet import Fleet, Told
from tests.integration.life.laws import Laws
from tests.integration.life.oracle import Oracle, Rec

TASKS = """
    INSERT INTO notifier.tasks (agency, obligation, seen_epoch, seen_version, begun, cancelled)
    SELECT a, o, 1, v, CASE WHEN b THEN ARRAY['kafka'] ELSE '{}' END, c
      FROM unnest($1::text[], $2::text[], $3::int[], $4::boolean[], $5::boolean[]) AS x(a, o, v, b, c)
    ON CONFLICT (agency, obligation) DO UPDATE
       SET seen_version = EXCLUDED.seen_version, begun = EXCLUDED.begun, cancelled = EXCLUDED.cancelled"""
AGENCY = """
    INSERT INTO gateway.agencies (id, department, division, name_zh, name_en, kind, valid_from)
    VALUES ($1, $2, $3, '演示', 'demo', $4, '2020-01-01') ON CONFLICT (id) DO UPDATE SET valid_to = NULL"""
CATALOGUE = """
    INSERT INTO gateway.catalogues (version, effective_from, illustrative, content, digest, loaded_by)
    VALUES ($1, $2, true, $3::text::jsonb, $4, 'walk')"""

DUE = "SELECT EXISTS (SELECT FROM matcher.moments WHERE fires_on <= $1)"


@dataclass
class Walk:
    database: Database
    engine: AsyncEngine
    books: Books
    conn: asyncpg.Connection
    oracle: Oracle
    fleet: Fleet
    laws: Laws
    turns: bool
    steps: int = 0
    story: list[str] = field(default_factory=list)
    n: int = 0
    likely: Mapping[str, float] = field(default_factory=dict)  # makers of events that come more often; {}: as they are
    kept: list[CreditEvent] = field(default_factory=list)  # facts of which something came before them

    # ------------------------------------------------------------------------------------------ the world begins
    @staticmethod
    async def begin(database: Database, *, turns: bool = True) -> Walk:
        """`turns`: the catalogue's second version comes into force one day."""
        set_day(world.BEGINS)
        engine = make_engine(database.settings("matcher"), "matcher")
        first = world.catalogue()
        books = Books(engine, Catalogues(engine, {first.version: first}))
        url = database.infra.postgres.url("credithub_admin", database.name).replace("+asyncpg", "")
        conn = await asyncpg.connect(url, server_settings={"plan_cache_mode": "force_generic_plan"})
        oracle, fleet = Oracle(), Fleet(frozenset(r.code for r in first.decline_reasons))
        walk = Walk(database, engine, books, conn, oracle, fleet, Laws(conn, oracle, fleet), turns)
        oracle.holders = lambda record: {walk.laws.obligations[o]["agency"] for o in walk.laws.of_record[record]}
        if turns:
            oracle.standing = lambda day: world.SECOND if day >= world.TURNS else world.FIRST
            await walk.shelve()
        else:
            oracle.standing = lambda day: ""
        for agency in world.STANDING:
            await walk.office(agency, joins=True)
        walk.on_registry = OnRegistry(engine, books)
        walk.on_catalogue = OnCatalogue(engine, books)
        await walk.settle()
        walk.laws.since = await conn.fetchval(
            "SELECT (pg_snapshot_xmax(pg_current_snapshot())::text::bigint % 4294967296)::bigint"
        )
        return walk

    on_registry: OnRegistry = field(init=False)
    on_catalogue: OnCatalogue = field(init=False)

    async def shelve(self) -> None:
        for version, day in ((world.FIRST, date(2026, 1, 1)), (world.SECOND, world.TURNS)):
            made = world.catalogue(version)
            content = content_adapter().dump_json(made.content).decode()
            await self.conn.execute(CATALOGUE, version, day, content, made.digest)

    async def office(self, agency: str, *, joins: bool) -> None:
        department, _, division = agency.rpartition("-")
        self.laws.offices[agency] = joins
        if joins:
            kind = "partner" if agency in world.PARTNERS else "agency"
            await self.conn.execute(AGENCY, agency, department, division, kind)
        else:
            await self.conn.execute(
                "UPDATE gateway.agencies SET valid_to = $2 WHERE id = $1", agency, self.oracle.today
            )

    async def end(self) -> None:
        await self.conn.close()
        await self.engine.dispose()
        clock.set_ahead(timedelta(0))

    # ------------------------------------------------------------------------------------------ one step
    async def step(self, number: int, only: Sequence[str] = ()) -> None:
        """One act, drawn by the number; then everything must hold."""
        random = Random(number)
        names = only or ACTS
        weights = [WEIGHTS[name] for name in names]
        (name,) = random.choices(list(names), weights)
        self.steps += 1
        self.story.append(name)
        await ACTS[name](self, random)
        await self.pump(random)
        await self.laws.look()
        if self.steps % 250 == 0:
            await self.laws.count()

    async def pump(self, random: Random) -> None:
        """The notifier takes some of what is told, and writes what it began; its reports come back."""
        await self.hear()
        self.fleet.deliver(random, 40)
        if self.fleet.written:
            rows = [(one.first.agency, name, one.seen, one.begun, one.void) for name in sorted(self.fleet.written)
                    for one in (self.fleet.all[name],)]  # fmt: skip
            await self.conn.execute(TASKS, *(list(column) for column in zip(*rows, strict=True)))
            self.fleet.written.clear()
        if self.fleet.reports and random.random() < 0.7:
            reports, self.fleet.reports = self.fleet.reports, []
            await self._run(OnDeliveries(), [r.to_bytes() for r in reports])
            self.fleet.report(reports)

    async def hear(self) -> None:
        self.laws._told(await self.laws._outbox())

    # ------------------------------------------------------------------------------------------ the handlers
    async def take(self, events: Sequence[CreditEvent], *, crash: bool = False, twice: bool = False) -> None:
        for event in events:
            self.story[-1] += f" · {_say(event)}"
        if crash:
            await self._crash(OnEvents(self.books), [e.to_bytes() for e in events])
            await self.laws.nothing_happened()
        await self._run(OnEvents(self.books), [e.to_bytes() for e in events])
        await self.hear()
        for event in events:
            self.oracle.take(event)
        again = all(
            e.outcome not in ("refused", "duplicate")
            for e in (self.oracle.entries[x.submission, x.index] for x in events)
        )
        if twice and again:
            await self._run(OnEvents(self.books), [e.to_bytes() for e in events])
        if await self.conn.fetchval(DUE, self.oracle.today):  # something came whose day had passed before
            await self.settle()
            await self.hear()
            self.oracle.until(self.oracle.today)

    async def _run(self, handler: Callable[..., Awaitable[Any]], values: Sequence[bytes]) -> None:
        write = await handler([Record("topic", 0, n, b"key", value, 0) for n, value in enumerate(values)])
        async with self.engine.begin() as conn:
            await write(conn)

    async def _crash(self, handler: Callable[..., Awaitable[Any]], values: Sequence[bytes]) -> None:
        write = await handler([Record("topic", 0, n, b"key", value, 0) for n, value in enumerate(values)])
        async with self.engine.connect() as conn:
            await conn.begin()
            await write(conn)
            await conn.rollback()

    async def settle(self) -> None:
        """Everything that the loops beside the handlers would do."""
        while await self.on_registry.run_once():
            pass
        while await self.on_catalogue.run_once():
            pass
        on_due = OnDue(self.engine, self.books)
        while await on_due.run_once():
            pass

    # ------------------------------------------------------------------------------------------ acts
    async def events(self, random: Random) -> None:
        acts = Acts(self, random)
        count = random.choice((1, 1, 1, 2, 2, 3, 4))
        made = [event for _ in range(count) if (event := acts.event()) is not None]
        if made:
            await self.take(made, crash=random.random() < 0.06, twice=random.random() < 0.06)

    async def answers(self, random: Random) -> None:
        """Some agencies answer: rightly, late, or wrong in one way."""
        held = [one for one in self.fleet.all.values() if one.held]
        made = self._caught_up(held, random) if random.random() < 0.3 else []
        for _ in range(random.randrange(1, 7) if held else 0):
            owing = [one for one in held if one.owing and one.held_state in ("lifted", "suspended")]
            one = random.choice(
                owing if owing and random.random() < 0.6 else held[-60:] if random.random() < 0.7 else held
            )
            right = {"lifted": "lift-confirmed", "suspended": "suspension-confirmed"}.get(one.held_state)
            duty = random.choice(("acknowledged", "executed", "declined", "executed"))
            said = right if right and random.random() < 0.85 else duty
            if random.random() < 0.04:
                said = random.choice(("lift-confirmed", "suspension-confirmed"))
            wrong = (
                random.choice(("version", "old", "agency", "reason", "no-reason", "unknown"))
                if random.random() < 0.1
                else ""
            )
            made.append(self.fleet.answer(one, said, random, clock.stamp(), wrong))
        if made:
            self.story[-1] += f" · {', '.join(f'{a.answer} {a.obligation[:9]} v{a.version}' for a in made[-9:])}"
            if random.random() < 0.05:
                made.append(made[0])
            await self._run(OnFeedback(self.books), [a.to_bytes() for a in made])
            self.fleet.judge(made)

    async def stale(self, random: Random) -> None:
        """Some confirm what they had before the newest version."""
        made = self._caught_up([one for one in self.fleet.all.values() if one.held > 1], random, "old")[:6]
        if made:
            await self._run(OnFeedback(self.books), [a.to_bytes() for a in made])
            self.fleet.judge(made)

    def _caught_up(self, held: Sequence[Told], random: Random, wrong: str = "") -> list[Feedback]:
        """Nearly all that let go say so at last."""
        right = {"lifted": "lift-confirmed", "suspended": "suspension-confirmed"}
        owing = [one for one in held if one.owing and one.held_state in right and random.random() < 0.9]
        return [self.fleet.answer(one, right[one.held_state], random, clock.stamp(), wrong) for one in owing[:80]]

    async def days(self, random: Random) -> None:
        await self._until(self.oracle.today + timedelta(days=random.choice((1, 1, 2, 3, 7, 12))))

    async def months(self, random: Random) -> None:
        await self._until(self.oracle.today + timedelta(days=random.choice((31, 62, 95))))

    async def years(self, random: Random) -> None:
        await self._until(self.oracle.today + timedelta(days=random.choice((366, 740, 1100))))

    async def _until(self, day: date) -> None:
        self.story[-1] += f" · {day}"
        turned = self.turns and self.oracle.today < world.TURNS <= day
        set_day(day)
        await self.settle()
        await self.hear()
        self.oracle.until(day)
        if turned:
            for rec in self.oracle.records.values():
                if rec.state == "active" and rec.acts:
                    added = (
                        world.pairs(world.SECOND, rec.event.item).keys()
                        - world.pairs(world.FIRST, rec.event.item).keys()
                    )
                    rec.added |= added

    async def offices(self, random: Random) -> None:
        """An office joins, or is closed; one that was closed may come back."""
        pool = (*world.STANDING, *world.JOINING)
        agency = random.choice(pool)
        joins = not self.laws.offices.get(agency)
        self.story[-1] += f" · {agency} {'joins' if joins else 'leaves'}"
        await self.office(agency, joins=joins)
        await self.settle()
        await self.hear()
        self.oracle._moved()

    def active(self) -> list[Rec]:
        return [
            rec for rec in self.oracle.records.values() if rec.state == "active" and rec.kind != "subject.registered"
        ]

    def made(self, event: CreditEvent, **changed: Any) -> CreditEvent:
        """An event as ingest sends it now: received at this moment, judged by the version in force."""
        self.n += 1
        version = self.oracle.standing(self.oracle.today) or world.FIRST
        values: dict[str, Any] = {"id": f"e{self.n}", "submission": f"sub_{self.n:06d}", "index": 0,
            "received_at": clock.stamp(),
                                  "catalogue": version, "source": f"//{event.supplier}/walk"}  # fmt: skip
        return replace(event, **(values | changed))


Act = Callable[[Walk, Random], Awaitable[None]]
ACTS: dict[str, Act] = {
    "events": Walk.events, "answers": Walk.answers, "stale": Walk.stale, "days": Walk.days, "months": Walk.months,
    "years": Walk.years, "offices": Walk.offices,
}  # fmt: skip
WEIGHTS = {"events": 66, "answers": 22, "stale": 1, "days": 6, "months": 0.6, "years": 0.12, "offices": 3}


def set_day(day: date) -> None:
    """Business is at the same hour of that day, whatever the wall says."""
    clock.set_ahead(datetime(day.year, day.month, day.day, 2, tzinfo=UTC) - clock.wall())


def _say(event: CreditEvent) -> str:
    data = {k: v for k, v in event.data.items() if k != "record"}
    return f"{event.id} {event.kind} by {event.supplier} on {event.organisation_code} {event.document['number']} {data}"
