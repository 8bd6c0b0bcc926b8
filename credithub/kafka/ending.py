"""Understands how a client of Kafka ends in time, with nothing of it left open."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError

STOP_SECONDS = 10.0  # aiokafka's stop() may hang while the broker is down
PARTS = ("_sender", "_coordinator", "_fetcher", "_client", "client")  # of the library's clients, each with its tasks
CANCELS = 5  # a task of the library's that is cancelled may wait for another first


async def end(client: AIOKafkaProducer | AIOKafkaConsumer, within: float = STOP_SECONDS) -> None:
    """Stops it; what is not stopped by then, or when we are cancelled ourselves, is broken off.

    The library's stop() that is left half way closes nothing, and cannot be called again.
    """
    ended = False
    try:
        async with asyncio.timeout(within):
            await client.stop()
            ended = True
    except (KafkaError, TimeoutError, OSError):
        pass
    finally:
        if not ended:
            await _break_off(client)


async def _break_off(client: AIOKafkaProducer | AIOKafkaConsumer) -> None:
    parts = [_inside(part) for name, part in _inside(client).items() if name in PARTS and part is not None]
    for connection in [one for part in parts for one in part.get("_conns", {}).values()]:
        _abort(connection)
    accumulator = _inside(client).get("_message_accumulator")
    if accumulator is not None:
        accumulator.fail_all(KafkaError("the producer was ended before an answer came"))
    tasks: set[asyncio.Task[Any]] = {one for part in parts for one in part.values() if isinstance(one, asyncio.Task)}
    for _ in range(CANCELS):
        for task in tasks:
            task.cancel()
        tasks = (await asyncio.wait(tasks, timeout=0.2))[1] if tasks else tasks


def _inside(part: Any) -> dict[str, Any]:
    """The library shows none of this."""
    return cast("dict[str, Any]", vars(part))


def _abort(connection: Any) -> None:
    """Without waiting until the other side has taken what was written: it may never."""
    writer = _inside(connection).get("_writer")
    connection.close()
    if writer is not None:
        writer.transport.abort()
