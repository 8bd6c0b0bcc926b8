"""Understands that a socket closed under a write is a lost connection, whatever the loop calls it."""

from __future__ import annotations

import asyncio

import aiokafka.conn
import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from credithub.kafka.connection import aiokafka_options
from credithub.settings import Settings


class ClosedSocket:
    """What a writer of uvloop does once its socket is gone."""

    def write(self, _data: bytes) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    def close(self) -> None:
        return


async def test_every_client_of_ours_takes_it_for_a_lost_connection() -> None:
    aiokafka_options(Settings())
    connection = aiokafka.conn.AIOKafkaConnection("127.0.0.1", 9092)
    connection._reader, connection._writer = asyncio.StreamReader(), ClosedSocket()
    connection._read_task = asyncio.create_task(asyncio.Event().wait())
    connection._versions = {3: (0, 5)}
    with pytest.raises(KafkaConnectionError, match="the connection broke"):
        connection.send(MetadataRequest([]))
    assert not connection.connected()
