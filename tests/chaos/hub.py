"""Understands the hub that is broken on purpose: four real processes, four agencies, one catalogue with four duties a fact."""

from __future__ import annotations

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from credithub import clock
from credithub.crashpoints import LEDGER
from credithub.domain.catalogue import load
from credithub.embedded.options import PORTS, Options
from credithub.embedded.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
CHANNELS = {"safe-130822": "kafka", "moca-130822": "kafka", "gacc-130822": "pull", "moj-130822": "pull"}
SUPPLIERS = {"spc-130822": ["judgment-debtor"], "samr-130822": ["licence", "registration"]}
JsonObject = dict[str, Any]


@dataclass(slots=True)
class Hub:
    """`keys` by agency; `accounts` are the Kafka passwords of those that listen on topics."""

    stack: Stack
    ledger: Path
    keys: dict[str, str] = field(default_factory=dict[str, str])
    accounts: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def url(self) -> str:
        return self.stack.context.url

    def source(self, supplier: str) -> str:
        return f"//{supplier}/chaos"


@contextmanager
def broken_hub(data: Path) -> Generator[Hub]:
    shutil.rmtree(data, ignore_errors=True)
    stack = Stack(data, options=replace(Options(), ports=dict.fromkeys(PORTS, 0)))
    stack.start()
    hub = Hub(stack, data / "crashes.txt")
    for service in stack.fleet.services.values():
        service.env = {**service.env, LEDGER: str(hub.ledger)}
    try:
        yield hub
    finally:
        stack.stop()
        shutil.rmtree(data, ignore_errors=True)


async def furnish(hub: Hub, http: aiohttp.ClientSession) -> None:
    """The bench's catalogue, in which a judgment debtor calls upon four departments, each with one agency."""
    operator = hub.stack.context.key
    catalogue = load(ROOT / "bench" / "catalogue")
    body = {"content": catalogue.to_json(), "effective_from": clock.today().isoformat()}
    await call(http, "POST", "/v1/catalogues", operator, body)
    for agency, channel in {**CHANNELS, **dict.fromkeys(SUPPLIERS, "pull")}.items():
        asked = {"id": agency, "name_zh": f"{agency}（演示）", "name_en": agency, "channels": [channel], "demo": True}
        told = await call(http, "POST", "/v1/agencies", operator, asked)
        hub.keys[agency] = told["key"]["secret"]
        if "kafka" in told:
            hub.accounts[agency] = told["kafka"]["password"]
    for supplier, items in SUPPLIERS.items():
        asked = {"roles": ["supplier"], "agency": supplier, "items": items, "sources": [hub.source(supplier)]}
        hub.keys[supplier] = (await call(http, "POST", "/v1/keys", operator, asked))["secret"]


async def call(http: aiohttp.ClientSession, method: str, path: str, key: str, body: object = None) -> JsonObject:
    """One call that must succeed. Raises aiohttp.ClientError or OSError while the hub is down."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    data = None if body is None else orjson.dumps(body)
    async with http.request(method, path, data=data, headers=headers) as answer:
        raw = await answer.read()
        if answer.status >= 500 or answer.status == 429:
            raise aiohttp.ClientConnectionError(f"{answer.status} {raw[:200]!r}")
        assert answer.status < 400, f"{method} {path}: {answer.status} {raw[:2000].decode()}"
        told: JsonObject = orjson.loads(raw)
        return told
