"""Understands that a socket closed under a write is a lost connection, also where uvloop says so in words of its own."""

from __future__ import annotations

from collections.abc import Awaitable

import aiokafka.conn
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError, KafkaError


class Connection(AIOKafkaConnection):
    """aiokafka expects an OSError. uvloop's RuntimeError ends the library's background tasks for ever, or the process."""

    def send(self, request: object, expect_response: bool = True) -> Awaitable[object]:
        try:
            return super().send(request, expect_response)
        except KafkaError:  # which is a RuntimeError, too
            raise
        except RuntimeError as problem:
            self.close(CloseReason.CONNECTION_BROKEN, problem)
            raise KafkaConnectionError(f"the connection broke: {problem}") from problem


def mend() -> None:
    """Every client made from now on has such connections; the library lets nobody choose them."""
    aiokafka.conn.AIOKafkaConnection = Connection
