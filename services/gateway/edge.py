"""Understands what every request meets first: limits before anything is parsed, a request id, plain headers. Pure ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from typing import Any, TypeAlias

from prometheus_client import Counter

from credithub import metrics
from credithub.http.problem import Problem, response
from credithub.ids import uuid7

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_SECONDS = 60  # a body that does not come in this time will not come
PIECE_SECONDS = 30  # of an upload, the next piece
MOST_REQUESTS = 1_024  # at once; more only make all of them slower
MOST_BUFFERED = 256 * 1024 * 1024  # bytes of request bodies held at once
QUERY_LIMIT = 8 * 1024
HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
]
STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


@dataclass(slots=True)
class Load:
    """What the process holds for requests under way."""

    requests: int = 0
    buffered: int = 0


class Edge:
    """Wraps the application. `fast` answers single (method, path) pairs without a router."""

    def __init__(self, app: App, load: Load, *, tls: bool, fast: Mapping[tuple[str, str], App] | None = None) -> None:
        self._app = app
        self._load = load
        self._fast = fast or {}
        self._headers = [*HEADERS, STRICT_TRANSPORT] if tls else HEADERS
        self._first = uuid7()[:20]  # of every request id of this process: the moment it began, and chance
        self._requests = count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        scope["request_id"] = f"{self._first}{next(self._requests):012x}"
        send = self._dressed(scope, send)
        self._load.requests += 1
        try:
            self._turn_away(scope)
            await self._fast.get((scope["method"], scope["path"]), self._app)(scope, receive, send)
        except Problem as problem:
            await response(problem, header(scope, b"accept-language") or "")(scope, receive, send)
        finally:
            self._load.requests -= 1

    def _turn_away(self, scope: Scope) -> None:
        """What is too much, or unreadable in its address, before anything looks at it."""
        if self._load.requests > MOST_REQUESTS:
            raise Problem("overloaded")
        query = scope["query_string"]
        if "\0" in scope["path"] or b"%00" in query or len(query) > QUERY_LIMIT or not query.isascii():
            raise Problem("request-invalid")
        coding = header(scope, b"content-encoding")
        if coding is not None and coding.strip().lower() not in ("", "identity"):
            raise Problem("content-encoding-unsupported", headers={"Accept-Encoding": "identity"})

    def _dressed(self, scope: Scope, send: Send) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = message.get("headers", [])
                named = {name for name, _ in given}
                mine = [each for each in self._headers if each[0] not in named]
                message["headers"] = [*given, *mine, (b"x-request-id", scope["request_id"].encode())]
                _counted(_template(scope), message["status"]).inc()
            await send(message)

        return dressed


@lru_cache(maxsize=1024)
def _counted(template: str, status: int) -> Counter:
    return metrics.REQUESTS.labels(template, str(status))


def _template(scope: Scope) -> str:
    """The route, not the address: an address may hold anything."""
    route = scope.get("route")
    return str(getattr(route, "path", "")) or scope.get("route_template", "unmatched")


async def read_body(scope: Scope, receive: Receive, limit: int, load: Load) -> bytes:
    """The whole body of a request. Problem where it is longer than `limit`, whether it says so first or not."""
    announced = header(scope, b"content-length")
    if announced is not None and _is_more(announced, limit):
        raise Problem("body-too-large", limit=limit)
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem("file-cut-off")
                piece = message.get("body", b"")
                size += len(piece)
                load.buffered += len(piece)
                if size > limit:
                    raise Problem("body-too-large", limit=limit)
                if load.buffered > MOST_BUFFERED:
                    raise Problem("overloaded")
                pieces.append(piece)
                if not message.get("more_body", False):
                    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    except TimeoutError:
        raise Problem("too-slow") from None
    finally:
        load.buffered -= size


def header(scope: Scope, name: bytes) -> str | None:
    """One header; the last where it came twice."""
    found = None
    for key, value in scope["headers"]:
        if key == name:
            found = value.decode("latin-1")
    return found


def _is_more(announced: str, limit: int) -> bool:
    return announced.isascii() and announced.isdigit() and (len(announced) > 15 or int(announced) > limit)
