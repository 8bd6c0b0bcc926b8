"""Understands the line to Kafka: who travels together, and what is told when a trip is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from credithub.errors import Unavailable
from credithub.http.problem import Problem
from services.gateway.intake import Line


class SlowSender:
    """Sends when the test says so, and loses what the test says."""

    def __init__(self) -> None:
        self.trips: list[list[bytes]] = []
        self.go = asyncio.Event()
        self.loses: set[bytes] = set()
        self.away = False

    async def start(self) -> None:
        if self.away:
            raise Unavailable("Kafka: no broker")

    async def send_all(self, topic: str, records: Sequence[tuple[bytes, bytes]]) -> list[bool]:
        if self.away:
            raise Unavailable("Kafka: the producer has not been started")
        self.trips.append([value for _, value in records])
        await self.go.wait()
        return [value not in self.loses for _, value in records]

    async def alive(self) -> bool:
        return not self.away


def up(sender: SlowSender) -> Line:
    line = Line(sender)
    line.up = True
    return line


async def asked(line: Line, *values: bytes) -> list[asyncio.Task[list[bool]]]:
    tasks = [asyncio.create_task(line.send("t", [(b"k", value)])) for value in values]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return tasks


async def test_requests_that_come_during_a_trip_share_the_next() -> None:
    sender = SlowSender()
    line = up(sender)
    first = await asked(line, b"a")
    later = await asked(line, b"b", b"c", b"d")
    sender.go.set()
    assert await asyncio.gather(*first, *later) == [[True]] * 4
    assert sender.trips == [[b"a"], [b"b", b"c", b"d"]]
    assert await line.send("t", [(b"k", b"e")]) == [True]


async def test_after_a_loss_those_who_never_travelled_are_told_at_once() -> None:
    sender = SlowSender()
    sender.loses = {b"a"}
    line = up(sender)
    [lost] = await asked(line, b"a")
    [waiting] = await asked(line, b"b")
    sender.go.set()
    assert await lost == [False]
    with pytest.raises(Problem, match="kafka-away"):
        await waiting
    with pytest.raises(Problem, match="kafka-away"):
        await line.send("t", [(b"k", b"c"), (b"k", b"d")])
    assert sender.trips == [[b"a"]]
    await line.run_once()
    assert await line.send("t", [(b"k", b"e")]) == [True]


async def test_a_cancelled_request_spoils_nobody_s_trip() -> None:
    sender = SlowSender()
    line = up(sender)
    gone, stays = await asked(line, b"a", b"b")
    gone.cancel()
    await asyncio.sleep(0)
    sender.go.set()
    assert await stays == [True]


async def test_without_a_producer_nothing_was_sent() -> None:
    sender = SlowSender()
    sender.away = True
    line = up(sender)
    with pytest.raises(Problem, match="kafka-away"):
        await line.send("t", [(b"k", b"a")])
    line.up = True
    with pytest.raises(Problem, match="kafka-away"):
        await line.send("t", [(b"k", b"a"), (b"k", b"b")])
    with pytest.raises(Unavailable):
        await line.run_once()
    assert not line.up


async def test_the_line_is_down_until_the_broker_was_reached_once() -> None:
    sender = SlowSender()
    sender.away = True
    sender.go.set()
    line = Line(sender)
    with pytest.raises(Unavailable):
        await line.run_once()
    with pytest.raises(Problem, match="kafka-away"):
        await line.send("t", [(b"k", b"a")])
    sender.away = False
    await line.run_once()
    assert await line.send("t", [(b"k", b"a")]) == [True]
