"""Understands how the gateway is put together: one HTTP server, a line to Kafka, a pool to PostgreSQL."""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from credithub.db.business_clock import EVERY_SECONDS, Following
from credithub.db.engine import make_engine
from credithub.domain.feeds import load as load_feeds
from credithub.domain.receipts import Signer, key_id_of
from credithub.http import problem
from credithub.kafka.producer import Producer
from credithub.schemas import schemas_dir
from credithub.service import Health, Process, run_loops
from credithub.settings import Settings
from credithub.vault import Vault
from services.gateway import dashboard
from services.gateway.auth import REFRESH_SECONDS, KeyRing, RateLimit
from services.gateway.edge import App, Edge
from services.gateway.intake import Line, Sealer, Sender
from services.gateway.outcomes import POLL_SECONDS, Outcomes
from services.gateway.parts import Parts, Stores
from services.gateway.routes import (
    accounting,
    agencies,
    audit,
    candidates,
    cases,
    catalogues,
    changes,
    error_files,
    events,
    files,
    holding,
    keys,
    notifications,
    objections,
    obligations,
    records,
    repairs,
    service,
    subjects,
    submissions,
    trail,
)
from services.gateway.sheets import Sheets
from services.gateway.spool import spool_folder, sweep
from services.gateway.store.database import Database

VERSION = "0.1.0"
LINE_SECONDS = 1.0
DRAIN_SECONDS = 15  # for requests under way when the process is told to stop
RESOURCES = (
    submissions, trail, subjects, records, obligations, holding, notifications, accounting, agencies, keys, catalogues, audit,
    service,
)  # fmt: skip
ACTS = (objections, repairs, changes, cases, candidates)  # what they are told goes the way of POST /v1/events
FIGURES_SECONDS = 60
NAMES_SECONDS = 5


def assemble(settings: Settings, vault: Vault, stores: Stores, sender: Sender, health: Health) -> Parts:
    """The parts, from what reaches outwards. Tests give their own."""
    return Parts(
        settings=settings,
        vault=vault,
        stores=stores,
        line=Line(sender),
        sealer=Sealer(vault, settings.limit_entry_bytes),
        ring=KeyRing(vault),
        rate=RateLimit(settings.rate_per_second),
        outcomes=Outcomes(stores.submissions),
        sheets=Sheets(),
        health=health,
    )


def application(parts: Parts, board: dashboard.Board | None = None) -> App:
    """The ASGI application. Events have a door of their own, without a router."""
    app = FastAPI(version=VERSION, openapi_url=None, docs_url=None, redoc_url=None)
    problem.install(app)
    signer = Signer(key_id=key_id_of(parts.vault.public_key()), sign=parts.vault.sign)
    post = events.PostEvents(parts, signer)
    app.include_router(events.routes(post))
    feeds = load_feeds(schemas_dir(parts.settings.schemas) / "feeds")
    app.include_router(files.routes(parts, feeds, signer))
    app.include_router(error_files.routes(parts, feeds))
    for resource in RESOURCES:
        app.include_router(resource.routes(parts))
    for acts in ACTS:
        app.include_router(acts.routes(parts, post))
    dashboard.mount(app, board or board_of(parts), keys=parts.ring, signer=parts.vault)
    fast = {("POST", events.TEMPLATE): post}
    return Edge(app, parts.load, tls=bool(parts.settings.tls_cert), fast=fast)


def board_of(parts: Parts) -> dashboard.Board:
    """What /ops shows."""
    return dashboard.Board(database=parts.stores.database, settings=parts.settings, health=parts.health.as_json)


async def main(process: Process) -> None:
    """Serves until the process is told to stop."""
    settings = process.settings
    sweep(spool_folder(settings))
    engine = make_engine(settings, "gateway")
    database, following = Database(engine), Following(engine, settings)
    producer = Producer(settings, "gateway")
    parts = assemble(settings, Vault.open(settings.secrets_dir), Stores.over(database), producer, process.health)
    board = board_of(parts)
    try:
        await process.until_up("clock", following.first)
        await process.until_up("registry", lambda: _first(parts))
        process.health.away = {"kafka"}  # requests are answered before it is there: with 503, and why
        process.health.ready = True
        gc.freeze()  # what is there now stays: catalogues and routes need not be looked through again and again
        await run_loops(
            [
                process.repeat("clock", following.run_once, rest=EVERY_SECONDS),
                process.repeat("registry", parts.refresh, rest=REFRESH_SECONDS),
                process.repeat("kafka", parts.line.run_once, rest=LINE_SECONDS),
                process.repeat("outcomes", parts.outcomes.run_once, rest=POLL_SECONDS),
                process.repeat("names", parts.stores.names.take_up, rest=NAMES_SECONDS),
                process.repeat("accounting", parts.account, rest=FIGURES_SECONDS),
                process.repeat("ops", board.run_once, rest=dashboard.LISTEN_SECONDS),
                _serve(process, application(parts, board)),
            ]
        )
    finally:
        parts.sheets.close()
        await producer.stop()
        await database.close()


async def _first(parts: Parts) -> None:
    await parts.refresh()


async def _serve(process: Process, app: App) -> None:
    settings = process.settings
    config = uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        ssl_certfile=settings.tls_cert or None,
        ssl_keyfile=settings.tls_key or None,
    )
    server = _Server(config)
    await run_loops([server.serve(), _until_told(process, server)])


async def _until_told(process: Process, server: uvicorn.Server) -> None:
    await process.stopping.wait()
    server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn, but signals are the process's business."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
