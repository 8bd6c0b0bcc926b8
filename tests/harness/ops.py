"""Understands how to make what the operators' page shows: facts with defaults, services that say what they are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from services.gateway.dashboard.figures import (
    MINUTES,
    SERVICES,
    Agency,
    Catalogue,
    Counted,
    Figures,
    Heard,
    Holder,
    Holding,
    Part,
    Quarantine,
    Stored,
    Trouble,
    Unacknowledged,
    Unpublished,
    Unsettled,
    Waiting,
    minute_of,
)
from services.gateway.dashboard.look import Seen, build

AT = datetime(2026, 11, 22, 1, 30, 20, tzinfo=UTC)  # 09:30:20 in China
COURT = Agency(id="court-130822", name_zh="兴隆县人民法院（演示）", name_en="Xinglong court (demo)")
LAND = Agency(id="mnr-130822", name_zh="兴隆县自然资源局（演示）", name_en="Xinglong natural resources (demo)")
MARKET = Agency(id="samr-130822", name_zh="兴隆县市场监督管理局（演示）", name_en="Xinglong market regulation (demo)")


SHARES = {
    "received": 1.0, "ingested": 1.0, "archived": 0.9, "quarantined": 0.06, "notified": 0.4, "delivered": 0.38, "answered": 0.2
}  # fmt: skip


def ago(at: datetime = AT, **span: float) -> datetime:
    return at - timedelta(**span)


def flow(at: datetime = AT, height: int = 120) -> dict[str, dict[int, int]]:
    """Half an hour in which every stage had something to do."""
    now = minute_of(at)
    heights = [height * (6 + 3 * ((k * 7) % 5) - (k % 9)) / 14 for k in range(MINUTES)]
    return {
        stage: {now - MINUTES + 1 + k: round(part * h) for k, h in enumerate(heights)} for stage, part in SHARES.items()
    }


def stored(at: datetime = AT, **changed: Any) -> Stored:
    """An ordinary working day."""
    values: dict[str, Any] = {
        "at": at,
        "flow": flow(at),
        "catalogue": Catalogue(version="2026-illustrative.2", illustrative=True),
        "agencies": 27,
        "waiting": Waiting(subject=12, record=1, oldest=ago(at, hours=5)),
        "quarantine": Quarantine(
            number=103,
            reasons=tuple(
                Counted(name=name, number=number)
                for name, number in (("USC_CHECK", 41), ("date-unreadable", 27), ("required-missing", 19), ("LENGTH", 16))
            ),
        ),
        "obligations": tuple(
            Counted(name=name, number=number)
            for name, number in (
                ("unrouted", 6), ("triggered", 9), ("delivered", 34), ("acknowledged", 61), ("executed", 148),
                ("declined", 11), ("lifting", 7), ("lifted", 92),
            )
        ),
        "suspended": 3,
        "unacknowledged": Unacknowledged(
            obligation="obl_c5kq2m7x3v", measure="M-17", agency=LAND, delivered=True, since=ago(at, hours=26)
        ),
        "holding": Holding(
            number=7, oldest=ago(at, hours=3), holders=(Holder(agency=MARKET, number=5), Holder(agency=LAND, number=2))
        ),
        "unsettled": (
            Unsettled(channel="kafka", state="in-flight", number=2), Unsettled(channel="pull", state="due", number=31)
        ),
        "troubles": (),
        "unpublished": Unpublished(),
        "drift": 0,
    }  # fmt: skip
    return Stored(**{**values, **changed})


def trouble(at: datetime = AT, **changed: Any) -> Trouble:
    values: dict[str, Any] = {
        "agency": COURT,
        "channel": "kafka",
        "state": "failed",
        "number": 4,
        "since": ago(at, minutes=40),
        "next_attempt_at": at + timedelta(minutes=6),
        "error": "TopicAuthorizationFailedError",
    }
    return Trouble(**{**values, **changed})


def heard(name: str, **changed: Any) -> Heard:
    return Heard(**{"name": name, **changed})


def seen(**changed: Any) -> Seen:
    """One look at a hub where all is well; `stored` or any service may be changed."""
    values: dict[str, Any] = {
        "at": AT,
        "stored": stored(),
        "heard": [heard(name) for name in SERVICES],
        "kafka": Part(name="kafka", state="up", milliseconds=1.2),
        "postgresql": Part(name="postgresql", state="up", milliseconds=8.4),
        "counted": lambda _stage, _minute: None,
        "lagged": lambda _topic, _minute: None,
    }
    return Seen(**{**values, **changed})


def figures(**changed: Any) -> Figures:
    return build(seen(**changed))


def with_service(name: str, **changed: Any) -> list[Heard]:
    """All services well but for one."""
    return [heard(each, **changed) if each == name else heard(each) for each in SERVICES]


@dataclass(slots=True)
class FakeService:
    """A service's health page and metrics, as the test wants them."""

    name: str
    ready: bool = True
    away: list[str] = field(default_factory=list[str])
    last_error: str = ""
    last_error_at: str = ""
    metrics: str = ""
    address: str = ""

    async def readyz(self, _: web.Request) -> web.Response:
        told = {"service": self.name, "ready": self.ready, "away": self.away}
        error = {"last_error": self.last_error, "last_error_at": self.last_error_at}
        return web.json_response(told | error, status=200 if self.ready else 503)

    async def exposition(self, _: web.Request) -> web.Response:
        return web.Response(text=self.metrics)


@asynccontextmanager
async def serving(*services: FakeService) -> AsyncIterator[str]:
    """Runs them on loopback; gives the setting that names them all."""
    runners: list[web.AppRunner] = []
    try:
        for service in services:
            app = web.Application()
            app.add_routes([web.get("/readyz", service.readyz), web.get("/metrics", service.exposition)])
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            runners.append(runner)
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            service.address = f"http://{host}:{port}"
        yield ",".join(f"{service.name}={service.address}" for service in services)
    finally:
        for runner in runners:
            await runner.cleanup()


Lags = Mapping[str, tuple[int, float]]  # topic: messages, seconds


def exposition(handled: Mapping[tuple[str, str], float] | None = None, lag: Lags | None = None) -> str:
    """Metrics as Prometheus' text."""
    lines = [f'credithub_handled_total{{stage="{s}",outcome="{o}"}} {n}' for (s, o), n in (handled or {}).items()]
    for topic, (messages, seconds) in (lag or {}).items():
        lines.append(f'credithub_lag_messages{{topic="{topic}"}} {messages}')
        lines.append(f'credithub_lag_seconds{{topic="{topic}"}} {seconds}')
    return "# HELP credithub_handled_total ignored\n" + "\n".join(lines) + "\n"
