"""Understands whether Kafka answers: the one question a broker takes from anybody, asked in its own protocol."""

from __future__ import annotations

import asyncio
import ssl
import struct

from credithub.clock import wall
from credithub.settings import Settings
from services.gateway.dashboard.figures import Part

SECONDS = 2.0
CORRELATION = 4215
CLIENT = b"credithub-ops"
# ApiVersions, version 0: length, key, version, correlation id, client id. Brokers answer it before any log-in.
QUESTION = struct.pack(f">hhih{len(CLIENT)}s", 18, 0, CORRELATION, len(CLIENT), CLIENT)


async def kafka(settings: Settings) -> Part:
    """Up when one of the bootstrap addresses answers. A stopped broker still accepts connections, and says nothing."""
    context = None
    if settings.kafka_security == "SASL_SSL":
        context = ssl.create_default_context(cafile=settings.kafka_ca or None)
    began, error = wall(), ""
    for address in settings.kafka_bootstrap.split(","):
        try:
            async with asyncio.timeout(SECONDS):
                await _ask(address.strip(), context)
            return Part(name="kafka", state="up", milliseconds=(wall() - began).total_seconds() * 1000)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError) as problem:
            error = f"{type(problem).__name__}: {address.strip()}"
    return Part(name="kafka", state="down", last_error=error)


async def _ask(address: str, context: ssl.SSLContext | None) -> None:
    host, _, port = address.rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)
    try:
        writer.write(struct.pack(">i", len(QUESTION)) + QUESTION)
        await writer.drain()
        size, correlation = struct.unpack(">ii", await reader.readexactly(8))
        if correlation != CORRELATION or not 4 <= size <= 65_536:
            raise ValueError("not a broker")
    finally:
        writer.close()
