"""Understands one connection of the library to one broker, as far as this project mends it."""

from asyncio import StreamWriter
from collections.abc import Awaitable
from enum import IntEnum

class CloseReason(IntEnum):
    CONNECTION_BROKEN = 0

class AIOKafkaConnection:
    def send(self, request: object, expect_response: bool = True) -> Awaitable[object]: ...
    def connected(self) -> bool: ...
    def close(self, reason: CloseReason | None = None, exc: BaseException | None = None) -> object: ...
