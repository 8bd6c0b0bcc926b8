"""Understands the path of 500 events a request, beside aiokafka producing the same bytes."""

from __future__ import annotations

import orjson
from aiokafka import AIOKafkaProducer

from bench.events import batches, licence
from bench.hub import Hub
from bench.load import Target, pour
from bench.measure import Figure, Work, against_floor
from bench.parts import bare_topics
from credithub.kafka.connection import aiokafka_options

EVENTS = 30_000
SIZE = 500
IN_FLIGHT = 4


async def measure(hub: Hub) -> Figure:
    settings = hub.stack.infra.admin_settings()
    bare, _ = await bare_topics(settings)
    target = Target(
        host="127.0.0.1", port=hub.port, path="/v1/events",
        headers={"Content-Type": "application/cloudevents-batch+json", "Authorization": f"Bearer {hub.supplier_key}"},
    )  # fmt: skip

    async def run() -> Work:
        bodies = batches([licence() for _ in range(EVENTS)], SIZE)

        async def work() -> int:
            statuses = await pour(target, bodies, IN_FLIGHT)
            assert set(statuses) == {202}, set(statuses)
            return EVENTS

        return work

    producer = AIOKafkaProducer(**aiokafka_options(settings), acks="all")
    await producer.start()

    async def floor() -> Work:
        records = [(event["subject"].encode(), orjson.dumps(event)) for event in (licence() for _ in range(EVENTS))]

        async def work() -> int:
            futures = [await producer.send(bare.name, value, key=key) for key, value in records]
            for future in futures:
                await future
            return EVENTS

        return work

    try:
        with hub.gateway_alone():
            return await against_floor("gateway-batch", "events/s", run=run, floor=floor, reach=0.4)
    finally:
        await producer.stop()
