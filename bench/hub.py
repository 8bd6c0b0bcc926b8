"""Understands the hub that is measured: the real four services on a data folder of the bench's own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from bench.events import SOURCE
from bench.parts import ROOT, bench_catalogue
from credithub import clock
from credithub.embedded.options import PORTS, Options
from credithub.embedded.stack import Stack

DATA = ROOT / ".credithub" / "bench"
SUPPLIER = "samr-130822"
AGENCIES = {"safe": ["kafka"], "moca": ["kafka"], "gacc": ["pull"], "moj": ["pull"]}


@dataclass(slots=True)
class Hub:
    stack: Stack
    supplier_key: str = ""
    agency_keys: dict[str, str] | None = None

    @property
    def port(self) -> int:
        return self.stack.ports["http"]

    @contextmanager
    def gateway_alone(self) -> Generator[None]:
        """The other three services stand still, as nothing but the bare code runs beside the floor."""
        others = [self.stack.fleet.services[name].running for name in ("ingest", "matcher", "notifier")]
        for running in others:
            if running is not None:
                running.send(signal.SIGSTOP)
        try:
            yield
        finally:
            for running in others:
                if running is not None:
                    running.send(signal.SIGCONT)

    def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        """One call of the HTTP API; the operator's key unless another is given."""
        headers = {"Authorization": f"Bearer {key or self.stack.context.key}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.stack.context.url + path, data, headers, method=method)  # noqa: S310
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as response:
                return json.loads(response.read())
        except urllib.error.HTTPError as refused:
            raise AssertionError(f"{method} {path}: {refused.code} {refused.read().decode()}") from None


@contextmanager
def hub() -> Generator[Hub]:
    """A fresh hub with the bench's catalogue, its four agencies and one supplier."""
    shutil.rmtree(DATA, ignore_errors=True)
    os.environ["CREDITHUB_RATE_PER_SECOND"] = "1000000"
    stack = Stack(DATA, options=replace(Options(), ports=dict.fromkeys(PORTS, 0)))
    stack.start()
    try:
        made = Hub(stack)
        _furnish(made)
        yield made
    finally:
        stack.stop()
        shutil.rmtree(DATA, ignore_errors=True)


def _furnish(made: Hub) -> None:
    catalogue = bench_catalogue()
    today = clock.today().isoformat()
    made.ask("POST", "/v1/catalogues", {"content": catalogue.to_json(), "effective_from": today})
    made.agency_keys = {}
    for department, channels in {"samr": ["pull"], **AGENCIES}.items():
        name = f"{department}-130822"
        body = {"id": name, "name_zh": f"{name}（演示）", "name_en": name, "channels": channels, "demo": True}
        made.agency_keys[name] = made.ask("POST", "/v1/agencies", body)["key"]["secret"]
    items = ["licence", "penalty", "registration"]
    key = {"roles": ["supplier"], "agency": SUPPLIER, "items": items, "sources": [SOURCE]}
    made.supplier_key = made.ask("POST", "/v1/keys", key)["secret"]
