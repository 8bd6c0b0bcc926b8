"""Understands what becomes of a reader whose library has given up: it says so, and begins anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiokafka.errors import GroupCoordinatorNotAvailableError

from credithub.errors import Unavailable
from credithub.kafka.consumer import Reader
from credithub.settings import Settings


class GivenUp:
    """A client whose coordination has ended: it tells of it whenever it is asked for records."""

    stopped = False

    async def getmany(self, **_asked: object) -> Mapping[Any, Any]:
        raise GroupCoordinatorNotAvailableError

    async def stop(self) -> None:
        self.stopped = True


async def nowhere(_held: Sequence[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
    return {}


async def test_what_the_library_gave_up_is_away_and_is_closed() -> None:
    client: Any = GivenUp()
    reader = Reader(Settings(), "group", ["topic"], nowhere, _kafka=client)
    with pytest.raises(Unavailable):
        await reader.read(10, 10)
    assert client.stopped
    assert reader.held() == []


async def test_the_next_read_begins_anew() -> None:
    class Broker(Reader):
        starts = 0

        async def start(self) -> None:
            Broker.starts += 1
            raise Unavailable("Kafka: no broker")

    reader = Broker(Settings(), "group", ["topic"], nowhere)
    with pytest.raises(Unavailable, match="no broker"):
        await reader.read(10, 10)
    assert Broker.starts == 1
