"""Understands the matcher's path when nothing is triggered, beside one bare INSERT of a row each, 1 000 a transaction."""

from __future__ import annotations

import asyncpg
import orjson

from bench.consuming import emptying, fill
from bench.events import SOURCE, licence
from bench.hub import SUPPLIER
from bench.measure import Figure, Work, against_floor
from bench.parts import Parts
from credithub import clock, topics
from credithub.consumer import Consumer
from credithub.db.catalogues import Catalogues
from credithub.db.engine import make_engine
from credithub.domain.events import CreditEvent, digest_of
from credithub.domain.text import fold_document_number
from credithub.kafka.producer import Producer
from services.matcher.books import Books
from services.matcher.on_events import OnEvents
from services.matcher.wiring import LANES

COUNT = 20_000
TAKE = 1_000
# One row of what an archived record is, in a plain table with nothing but its key.
COLUMNS = {
    "code": "text", "record": "text", "item": "text", "kind": "text", "content": "text", "number": "text", "issuer": "text",
    "decided": "text", "supplier": "text", "source": "text", "id": "text", "catalogue": "text", "document": "jsonb",
    "data": "jsonb",
}  # fmt: skip
TABLE = f"CREATE TABLE bench_rows ({', '.join(f'{n} {t}' for n, t in COLUMNS.items())}, PRIMARY KEY (code, record))"
FLOOR = f"INSERT INTO bench_rows SELECT * FROM unnest({', '.join(f'${n}::{t}[]' for n, t in enumerate(COLUMNS.values(), 1))})"


async def measure(parts: Parts) -> Figure:
    settings = parts.settings("matcher", batch_records=TAKE, poll_ms=50)
    admin = Producer(parts.infra.admin_settings(), "bench")
    engine = make_engine(settings, "matcher")
    handler = OnEvents(Books(engine, Catalogues(engine)))
    consumer = Consumer(settings, engine, "matcher", "credithub-matcher-events", [topics.EVENTS.name], handler, LANES)
    plain = await asyncpg.connect(parts.infra.postgres.url("credithub_admin").replace("+asyncpg", ""))
    await plain.execute(TABLE)
    await admin.start()
    await consumer.start()

    async def run() -> Work:
        await fill(admin, topics.EVENTS.name, [_event(parts.catalogue.version, n) for n in range(COUNT)])
        return emptying(consumer, COUNT)

    async def floor() -> Work:
        rows = [_row(parts.catalogue.version, n) for n in range(COUNT)]

        async def work() -> int:
            for start in range(0, COUNT, TAKE):
                async with plain.transaction():
                    await plain.execute(FLOOR, *map(list, zip(*rows[start : start + TAKE], strict=True)))
            return COUNT

        return work

    try:
        return await against_floor("matcher", "events/s", run=run, floor=floor, reach=0.15)
    finally:
        await consumer.stop()
        await admin.stop()
        await plain.close()
        await engine.dispose()


def _row(version: str, n: int) -> tuple[str | None, ...]:
    event = CreditEvent.from_bytes(_event(version, n)[1])
    return (
        event.organisation_code, "rec_" + event.digest[:24], event.item, event.kind, event.content, event.folded_number,
        event.document["issuer"], event.document["decided_on"], event.supplier, event.source, event.id, event.catalogue,
        orjson.dumps(event.document).decode(), orjson.dumps(event.data).decode(),
    )  # fmt: skip


def _event(version: str, n: int) -> tuple[bytes, bytes]:
    said = licence()
    data, code = said["data"], said["subject"]
    number = data["document"]["number"]
    event = CreditEvent(
        kind="licence.granted", source=SOURCE, id=said["id"], digest=digest_of("licence.granted", None, data),
        submission=f"sub_bench_{n // 500}", index=n, supplier=SUPPLIER, received_at=clock.stamp(), time=said["time"],
        catalogue=version, mapping=None, item="licence", form="event", row=None, file=None, name=data["subject"]["name"],
        unified_code=code, organisation_code=code[8:17], legacy=(), document=data["document"],
        folded_number=fold_document_number(number), content=digest_of("content", None, data), data=data,
    )  # fmt: skip
    return code[8:17].encode(), event.to_bytes()
