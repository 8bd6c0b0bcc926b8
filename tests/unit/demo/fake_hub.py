"""Understands a hub that answers from a table: as much of an aiohttp session as the demonstration's client uses."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import aiohttp
import orjson

from credithub.demo.client import Client
from credithub.demo.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    content: Any
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    async def read(self) -> bytes:
        return orjson.dumps(self.content)


@dataclass(slots=True)
class FakeHub:
    """`answers` by path; what is not there is a 404. Several answers of one path are given one after the other."""

    answers: dict[str, list[Answer]] = field(default_factory=dict[str, list[Answer]])
    asked: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def tells(self, path: str, content: Any, status: int = 200, **headers: str) -> None:
        dashed = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.setdefault(path, []).append(Answer(status, content, dashed))

    def client(self, key: str = "chk", ledger: Ledger | None = None) -> Client:
        return Client(session=cast("aiohttp.ClientSession", self), key=key, ledger=ledger or Ledger(b""))

    @asynccontextmanager
    async def request(self, method: str, path: str, *, headers: Mapping[str, str], **_: Any) -> AsyncGenerator[Answer]:
        self.asked.append((method, path, headers["authorization"]))
        known = self.answers.get(path, [Answer(404, {"code": "not-found"})])
        yield known.pop(0) if len(known) > 1 else known[0]
