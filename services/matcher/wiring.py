"""Understands how the matcher is put together: three topics in, one outbox out, one registry to watch."""

from __future__ import annotations

from credithub import clock, metrics, topics
from credithub.consumer import Consumer, Handler
from credithub.db.business_clock import EVERY_SECONDS, Following
from credithub.db.catalogues import Catalogues
from credithub.db.engine import AsyncEngine, away, make_engine, text
from credithub.db.retention import RETENTION_SECONDS, Retention
from credithub.errors import Unavailable
from credithub.kafka.producer import Producer
from credithub.relay import Relay
from credithub.service import Process, run_loops
from services.matcher.books import Books
from services.matcher.duties import SCHEMA
from services.matcher.on_catalogue import OnCatalogue
from services.matcher.on_deliveries import OnDeliveries
from services.matcher.on_due import OnDue
from services.matcher.on_events import OnEvents
from services.matcher.on_feedback import OnFeedback
from services.matcher.on_registry import OnRegistry
from services.matcher.on_restore import OnRestore
from services.matcher.store import due

LANES = 2  # transactions at once: while one waits for its commit, the other is decided
REGISTRY_SECONDS = 1.0
FIGURES_SECONDS = 2.0
DUE_SECONDS = 0.5


async def main(process: Process) -> None:
    """Runs the matcher until the process is told to stop."""
    settings = process.settings
    engine, producer = make_engine(settings, "matcher"), Producer(settings, "matcher")
    books, relay = Books(engine, Catalogues(engine)), Relay(engine, producer, SCHEMA)
    registry, following, on_due = OnRegistry(engine, books), Following(engine, settings), OnDue(engine, books)
    handlers: dict[str, Handler] = {
        topics.EVENTS.name: OnEvents(books),
        topics.FEEDBACK.name: OnFeedback(books),
        topics.DELIVERIES.name: OnDeliveries(),
    }
    consumers = [
        Consumer(settings, engine, SCHEMA, f"credithub-matcher-{topic.rsplit('.', 1)[1]}", [topic], handler, LANES)
        for topic, handler in handlers.items()
    ]
    try:
        await process.until_up("clock", following.first)
        await process.until_up("registry", lambda: _first(books))
        await process.until_up("kafka", producer.start)
        for consumer in consumers:
            await process.until_up(consumer.group, consumer.start)
        process.health.away.clear()
        process.health.ready = True
        await run_loops(
            [
                *(process.repeat(c.group, c.run_once, rest=0) for c in consumers),
                process.repeat("relay", relay.run_once),
                process.repeat("clock", following.run_once, rest=EVERY_SECONDS),
                process.repeat("registry", registry.run_once, rest=REGISTRY_SECONDS),
                process.repeat("due", on_due.run_once, rest=DUE_SECONDS),
                process.repeat("catalogue", OnCatalogue(engine, books).run_once, rest=REGISTRY_SECONDS),
                process.repeat("restore", OnRestore(engine, books).run_once, rest=REGISTRY_SECONDS),
                process.repeat("retention", Retention.of(engine, SCHEMA).run_once, rest=RETENTION_SECONDS),
                process.repeat("figures", lambda: _figures(engine), rest=FIGURES_SECONDS),
                process.watch(lambda: max(c.silent_for() for c in consumers)),
            ],
        )
    finally:
        for consumer in consumers:
            await consumer.stop()
        await relay.stop()
        await producer.stop()
        await engine.dispose()


async def _first(books: Books) -> None:
    await books.run_once()
    await books.catalogues.read_new()


async def _figures(engine: AsyncEngine) -> int:
    """Renews the figures that only the database knows."""
    try:
        async with engine.connect() as conn:
            unpublished = await conn.execute(text("SELECT count(*) FROM matcher.outbox WHERE NOT published"))
            metrics.OUTBOX_UNPUBLISHED.labels(SCHEMA).set(unpublished.scalar_one())
            figures = await due.figures(conn, clock.now(), clock.today())
        metrics.STILL_HOLDING.set(figures.holding)
        metrics.STILL_HOLDING_HOURS.set(figures.holding_hours)
        metrics.OVERDUE.set(figures.overdue)
        metrics.MOMENTS_DUE.set(figures.moments)
        metrics.MOMENTS_LAG_DAYS.set(figures.lag_days)
    except Exception as problem:
        if away(problem):
            raise Unavailable(str(problem)) from problem
        raise
    return 0
