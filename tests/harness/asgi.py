"""Understands how to talk to an ASGI application without a socket: one request in, one answer out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

import orjson

Message: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass(slots=True)
class Client:
    """A client of one application; `headers` go with every request."""

    app: App
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def with_key(self, key: str) -> Client:
        return Client(self.app, {**self.headers, "authorization": f"Bearer {key}"})

    async def get(self, path: str, **query: object) -> Answer:
        return await self.request("GET", path, query=query)

    async def delete(self, path: str) -> Answer:
        return await self.request("DELETE", path)

    async def post(
        self,
        path: str,
        json: object | None = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **query: object,
    ) -> Answer:
        content = orjson.dumps(json) if body is None else body
        kind = {"content-type": "application/json"}
        return await self.request("POST", path, query=query, headers={**kind, **(headers or {})}, body=content)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        chunks: AsyncIterator[bytes] | None = None,
        raw_query: bytes | None = None,
    ) -> Answer:
        """`chunks` sends the body in pieces without a content-length; `raw_query` as it stands."""
        every = {**self.headers, **(headers or {})}
        if chunks is None:
            every.setdefault("content-length", str(len(body)))
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": quote(path, safe="/%:~", errors="surrogatepass").encode(),
            "query_string": raw_query if raw_query is not None else _query(query),
            "root_path": "",
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in every.items()],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8010),
            "state": {},
        }
        exchange = _Exchange(body, chunks)
        await self.app(scope, exchange.receive, exchange.send)
        return exchange.answer()


def _query(query: Mapping[str, object] | None) -> bytes:
    wanted = {name.rstrip("_"): value for name, value in (query or {}).items() if value is not None}
    return urlencode(wanted).encode()


class _Exchange:
    def __init__(self, body: bytes, chunks: AsyncIterator[bytes] | None) -> None:
        self._body: bytes | None = body
        self._chunks = chunks
        self._start: Message = {}
        self._parts: list[bytes] = []

    async def receive(self) -> Message:
        if self._chunks is not None:
            async for chunk in self._chunks:
                return {"type": "http.request", "body": chunk, "more_body": True}
            self._chunks, self._body = None, b""
        if self._body is None:
            await asyncio.Event().wait()  # nothing more comes: a client that stays and says no more
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))

    def answer(self) -> Answer:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self._start["headers"]}
        return Answer(status=self._start["status"], headers=headers, body=b"".join(self._parts))
