"""Understands how to send HTTP requests faster than what is measured can answer them: bare sockets, kept alive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    host: str
    port: int
    path: str
    headers: dict[str, str]

    def request(self, body: bytes) -> bytes:
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {self.host}:{self.port}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def pour(target: Target, bodies: Sequence[bytes], in_flight: int) -> list[int]:
    """Sends every body once, `in_flight` at a time; gives the status of each answer."""
    requests = [target.request(body) for body in bodies]
    statuses = [0] * len(requests)
    waiting = iter(range(len(requests)))

    async def worker() -> None:
        reader, writer = await asyncio.open_connection(target.host, target.port, limit=1 << 22)
        try:
            for index in waiting:
                writer.write(requests[index])
                statuses[index] = await _answer(reader)
        finally:
            writer.close()

    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return statuses


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    lower = head.lower()
    at = lower.index(b"content-length:")
    length = int(lower[at + 15 : lower.index(b"\r\n", at)])
    await reader.readexactly(length)
    return status
