"""Understands ingest's path: sealed entries in, canonical events out, beside read, decode, encode, produce, commit."""

from __future__ import annotations

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.consuming import emptying, fill
from bench.events import SOURCE, licence
from bench.hub import SUPPLIER
from bench.measure import Figure, Work, against_floor
from bench.parts import BARE, BARE_OUT, Parts
from credithub import clock, topics
from credithub.consumer import Consumer
from credithub.db.catalogues import Catalogues
from credithub.db.engine import make_engine
from credithub.domain.events import SUBMISSIONS_CONTEXT, SubmittedEntry, digest_of
from credithub.kafka.connection import aiokafka_options
from credithub.kafka.producer import Producer
from credithub.vault import Vault
from services.ingest.judge import Judge
from services.ingest.on_submissions import OnSubmissions

COUNT = 30_000
TAKE = 1_000


async def measure(parts: Parts) -> Figure:
    """Its own consumer and handler, in one process as the floor's."""
    settings = parts.settings("ingest", batch_records=TAKE, poll_ms=50)
    admin = Producer(parts.infra.admin_settings(), "bench")
    vault = Vault.open(settings.secrets_dir)
    engine, producer = make_engine(settings, "ingest"), Producer(settings, "ingest")
    handler = OnSubmissions(vault, producer, Catalogues(engine), Judge.of(None))
    consumer = Consumer(settings, engine, "ingest", "credithub-ingest", [topics.SUBMISSIONS.name], handler)
    options = aiokafka_options(parts.infra.admin_settings())
    plain = AIOKafkaConsumer(**options, group_id="bench-floor", enable_auto_commit=False, auto_offset_reset="earliest")
    plain_producer = AIOKafkaProducer(**options, acks="all")
    plain.assign([TopicPartition(BARE.name, n) for n in range(settings.partitions)])
    for client in (admin, producer, consumer, plain, plain_producer):
        await client.start()

    async def run() -> Work:
        sealed = [_sealed(vault, parts.catalogue.version, n) for n in range(COUNT)]
        await fill(admin, topics.SUBMISSIONS.name, sealed)
        return emptying(consumer, COUNT)

    async def floor() -> Work:
        records = [(e["subject"].encode(), orjson.dumps(e)) for e in (licence() for _ in range(COUNT))]
        await fill(admin, BARE.name, records)
        return lambda: _bare(plain, plain_producer)

    try:
        return await against_floor("ingest", "events/s", run=run, floor=floor, reach=0.25)
    finally:
        for client in (consumer, plain, plain_producer, producer, admin):
            await client.stop()
        await engine.dispose()


async def _bare(consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> int:
    """Read, decode, encode, produce; commit a batch."""
    done = 0
    while done < COUNT:
        found = await consumer.getmany(timeout_ms=50, max_records=TAKE)
        records = [record for batch in found.values() for record in batch]
        sent = [
            await producer.send(BARE_OUT.name, orjson.dumps(orjson.loads(r.value or b"")), key=r.key) for r in records
        ]
        for future in sent:
            await future
        if records:
            await consumer.commit()
        done += len(records)
    return done


def _sealed(vault: Vault, version: str, n: int) -> tuple[bytes, bytes]:
    event = licence()
    entry = SubmittedEntry(
        submission=f"sub_{event['id'].rsplit('-', 1)[0]}_{int(event['id'].rsplit('-', 1)[1]) // 500}", index=n, count=500,
        supplier=SUPPLIER, source=SOURCE, id=event["id"], digest=digest_of("licence.granted", None, event["data"]),
        received_at=clock.stamp(), form="event", catalogue=version, mapping=None, allowed_items=["licence"],
        body={"type": event["type"], "subject": event["subject"], "time": event["time"], "data": event["data"]},
        file=None, row=None,
    )  # fmt: skip
    return event["subject"][8:17].encode(), vault.encrypt(entry.to_bytes(), SUBMISSIONS_CONTEXT)
