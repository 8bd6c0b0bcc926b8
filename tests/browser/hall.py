"""Understands the operators' page as it runs for a browser: the gateway's own edge, a key, figures of the test's choice."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from credithub.clock import now
from credithub.errors import Unavailable
from credithub.http import problem
from credithub.settings import Settings
from credithub.vault import Vault, create_secrets
from services.gateway.auth import KeyRing
from services.gateway.dashboard import Board, mount
from services.gateway.dashboard.figures import Part, Stored
from services.gateway.edge import Edge, Load
from tests.harness.ops import stored


@dataclass(slots=True)
class Hall:
    """What a test changes while the page runs: what PostgreSQL and Kafka say, and which keys there are."""

    ring: KeyRing
    board: Any = None
    address: str = ""
    say: Callable[[], Stored | None] = field(default=lambda: stored(now()))
    kafka: str = "up"
    keys: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])

    def key(self, *roles: str) -> str:
        fresh = self.ring.fresh()
        self.keys[fresh.id] = {
            "id": fresh.id, "hash": fresh.hash, "agency": None, "department": None, "roles": list(roles), "items": [],
            "sources": [], "expires_at": None,
        }  # fmt: skip
        self.ring.replace(list(self.keys.values()))
        return fresh.secret

    def revoke_all(self) -> None:
        self.keys.clear()
        self.ring.replace([])

    async def read(self, _database: object, _since: datetime) -> Stored:
        said = self.say()
        if said is None:
            raise Unavailable("PostgreSQL: ConnectionRefusedError")
        return said

    async def probe(self, _settings: Settings) -> Part:
        return Part(name="kafka", state=self.kafka, milliseconds=1.3 if self.kafka == "up" else None)  # type: ignore[arg-type]


@asynccontextmanager
async def hall(folder: Path, services: str = "", **given: Any) -> AsyncIterator[Hall]:
    """The page on a free port of loopback."""
    create_secrets(folder / "secrets")
    vault = Vault.open(folder / "secrets")
    here = Hall(KeyRing(vault))
    app = FastAPI(openapi_url=None)
    problem.install(app)
    database: Any = given.pop("database", None)
    read: Any = {} if database is not None else {"read": here.read, "probe": here.probe}
    settings = given.pop("settings", None) or Settings(services=services)
    board = Board(database=database, settings=settings, health=lambda: {"ready": True}, **read)
    here.board = board
    mount(app, board, keys=here.ring, signer=vault)
    async with _served(Edge(app, Load(), tls=False)) as address:
        here.address = address
        yield here


@asynccontextmanager
async def _served(app: Any) -> AsyncIterator[str]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False)
        server = _Quiet(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


class _Quiet(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
