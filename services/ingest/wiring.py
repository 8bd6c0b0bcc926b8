"""Understands how ingest is put together: one topic in, one topic out, one table of what was refused."""

from __future__ import annotations

from credithub import topics
from credithub.consumer import Consumer
from credithub.db.business_clock import EVERY_SECONDS, Following
from credithub.db.catalogues import Catalogues
from credithub.db.engine import make_engine
from credithub.db.retention import RETENTION_SECONDS, Retention
from credithub.kafka.producer import Producer
from credithub.service import Process, run_loops
from credithub.vault import Vault
from services.ingest.judge import Judge
from services.ingest.on_submissions import OnSubmissions

SCHEMA = "ingest"


async def main(process: Process) -> None:
    """Runs ingest until the process is told to stop."""
    settings = process.settings
    vault = Vault.open(settings.secrets_dir)
    engine, producer = make_engine(settings, "ingest"), Producer(settings, "ingest")
    following = Following(engine, settings)
    handler = OnSubmissions(vault, producer, Catalogues(engine), Judge.of(settings.schemas))
    consumer = Consumer(settings, engine, SCHEMA, "credithub-ingest", [topics.SUBMISSIONS.name], handler)
    try:
        await process.until_up("clock", following.first)
        await process.until_up("kafka", producer.start)
        await process.until_up(consumer.group, consumer.start)
        process.health.away.clear()
        process.health.ready = True
        await run_loops(
            [
                process.repeat(consumer.group, consumer.run_once, rest=0),
                process.repeat("clock", following.run_once, rest=EVERY_SECONDS),
                process.repeat("retention", Retention.of(engine, SCHEMA).run_once, rest=RETENTION_SECONDS),
                process.watch(consumer.silent_for),
            ]
        )
    finally:
        await consumer.stop()
        await producer.stop()
        await engine.dispose()
