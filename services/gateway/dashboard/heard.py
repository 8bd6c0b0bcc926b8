"""Understands what the services say of themselves: their health pages and metrics, asked for on loopback."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import aiohttp
import orjson

from credithub import metrics
from credithub.domain.persons import mask
from services.gateway.dashboard.figures import Heard

SECONDS = 1.0  # a neighbour on the same machine that needs longer is not well
MOST_BYTES = 2 * 1024 * 1024

_SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)(?: \d+)?$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

Samples = Sequence[tuple[str, Mapping[str, str], float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """One process of a service and where its health is."""

    name: str
    address: str


def neighbours(setting: str) -> tuple[Neighbour, ...]:
    """`ingest=http://127.0.0.1:8011,matcher=…`; a service with several processes is named several times."""
    pairs = (part.partition("=") for part in setting.split(",") if "=" in part)
    return tuple(Neighbour(name=name.strip(), address=address.strip().rstrip("/")) for name, _, address in pairs)


async def ask_all(those: Sequence[Neighbour]) -> list[Heard]:
    """Asks all at once; who does not answer in time is down."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    async with aiohttp.ClientSession(timeout=timeout, trust_env=False) as session:
        return list(await asyncio.gather(*(_ask(session, one) for one in those)))


async def _ask(session: aiohttp.ClientSession, one: Neighbour) -> Heard:
    try:
        health, exposition = await asyncio.gather(
            _get(session, f"{one.address}/readyz"), _get(session, f"{one.address}/metrics")
        )
        return hear(one.name, _of(one.name, health), exposition.decode())
    except (aiohttp.ClientError, OSError, TimeoutError, TypeError, ValueError) as problem:
        return Heard(name=one.name, state="down", last_error=f"{type(problem).__name__}: {one.address}")


def _of(name: str, body: bytes) -> dict[str, Any]:
    """The health page of this service. Something else may listen at its port: that is a ValueError."""
    told = orjson.loads(body)
    if not isinstance(told, dict):
        raise TypeError(name)
    page = cast("dict[str, Any]", told)
    if page.get("service") != name:
        raise ValueError(name)
    return page


async def _get(session: aiohttp.ClientSession, url: str) -> bytes:
    async with session.get(url, allow_redirects=False) as response:
        return await response.content.read(MOST_BYTES)


def hear(name: str, health: Mapping[str, Any], exposition: str) -> Heard:
    """What a health page and metrics say together. Pure."""
    handled: dict[tuple[str, str], float] = {}
    lag_messages: dict[str, float] = {}
    lag_seconds: dict[str, float] = {}
    for metric, labels, value in samples(exposition):
        if metric == "credithub_handled_total":
            handled[labels.get("stage", ""), labels.get("outcome", "")] = value
        elif metric == "credithub_lag_messages":
            lag_messages[labels.get("topic", "")] = value
        elif metric == "credithub_lag_seconds":
            lag_seconds[labels.get("topic", "")] = value
    return Heard(
        name=name,
        state="up" if health.get("ready") else "not-ready",
        away=tuple(str(step) for step in health.get("away") or ()),
        last_error=mask(str(health.get("last_error") or "")),
        last_error_at=_moment(health.get("last_error_at")),
        handled=handled,
        lag_messages=lag_messages,
        lag_seconds=lag_seconds,
    )


def ourselves(health: Mapping[str, Any]) -> Heard:
    """This process, without asking over the network. Its registry holds only what the gateway counts."""
    return hear("gateway", health, metrics.exposition().decode())


def samples(exposition: str) -> Samples:
    """The samples of Prometheus' text format, as far as our own services write it."""
    return [
        (metric, {key: _plain(value) for key, value in _LABEL.findall(labels or "")}, float(value))
        for metric, labels, value in _SAMPLE.findall(exposition)
    ]


def _plain(label: str) -> str:
    return label.replace(r"\"", '"').replace(r"\n", "\n").replace("\\\\", "\\")


def _moment(raw: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(raw)) if raw else None
    except ValueError:
        return None
