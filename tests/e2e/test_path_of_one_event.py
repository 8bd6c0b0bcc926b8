"""Understands whether docs/architecture.md tells the truth: the files one event passes, in that order."""

from __future__ import annotations

import asyncio
import base64
import os
import re
import shutil
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import aiohttp
import pytest

from credithub.demo.client import Client
from credithub.demo.decisions import listing, registration, source_of
from credithub.demo.ledger import Ledger
from credithub.demo.organisations import known
from credithub.embedded.options import PORTS, Options
from credithub.embedded.stack import Stack
from tests.harness.eventually import eventually
from tests.harness.ground import ROOT
from tests.house.tree import text

PAGE = text(Path("docs/architecture.md"))
ROW = re.compile(r"^\| \d \| `(services/[\w/]+\.py)` \|", re.MULTILINE)
THERE, BACK = (ROW.findall(part) for part in PAGE.partition("## Its answer, back")[::2])
COURT, REGISTER, ACTS = "spc-130822", "aab-130822", "mnr-130822"
IDLE = 6.0  # seconds in which nothing is called that was not called before
TRACER = Path(__file__).resolve().parents[1] / "harness" / "trace"
STATION = re.compile(r"/(?:routes/\w+|on_\w+|deliver|gateway/intake|channels/\w+)\.py$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """The four services as processes that write down what they call."""

    operator: Client
    traces: Path

    def by(self, secret: str) -> Client:
        return Client(session=self.operator.session, key=secret, ledger=self.operator.ledger)

    async def key(self, agency: str, role: str, **more: object) -> Client:
        return self.by((await self.operator.send("/v1/keys", {"roles": [role], "agency": agency, **more}))["secret"])

    def first_calls(self) -> list[str]:
        """Files in the order in which functions were called that an idle hub does not call."""
        lines = [line.split() for log in self.traces.glob("*.log") for line in log.read_text("utf-8").splitlines()]
        idle = {(file, name) for phase, _, file, name in lines if phase == "1"}
        event = sorted((int(at), file) for phase, at, file, name in lines if phase == "2" and (file, name) not in idle)
        return [file for file in dict.fromkeys(file for _, file in event) if STATION.search(file)]

    async def gateway_in(self, phase: str) -> bool:
        """The gateway, asked for something else, has noticed that another phase has begun."""
        await self.operator.get("/v1/agencies")
        lines = [line for log in self.traces.glob("*.log") for line in log.read_text("utf-8").splitlines()]
        return any(line.startswith(f"{phase} ") and "routes/agencies.py" in line for line in lines)

    def quiet(self) -> bool:
        """For a while no process has called anything that it had not called before."""
        return all(time.time() - file.stat().st_mtime > IDLE for file in self.traces.iterdir())


@pytest.fixture
async def hub(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Hub]:
    place = ROOT / ".credithub" / "tests" / f"path-{os.getpid()}"
    traces = place / "traces"
    traces.mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", str(TRACER))
    monkeypatch.setenv("CREDITHUB_TRACE", str(traces))
    stack = Stack(place / "data", options=Options(ports=dict.fromkeys(PORTS, 0)))
    try:
        await asyncio.to_thread(stack.start)
        async with aiohttp.ClientSession(base_url=stack.context.url) as session:
            nobody = Client(session=session, key=stack.context.key, ledger=Ledger(public_key=b""))
            public = base64.b64decode((await nobody.get("/v1/receipt-key"))["public_key"])
            yield Hub(operator=Client(session=session, key=stack.context.key, ledger=Ledger(public)), traces=traces)
    finally:
        await asyncio.to_thread(stack.stop)
        shutil.rmtree(place, ignore_errors=True)


def test_the_architecture_lists_about_seven_files_that_exist() -> None:
    assert 6 <= len(THERE) <= 8
    assert BACK
    assert [file for file in THERE + BACK if not (ROOT / file).exists()] == []


@pytest.mark.timeout(240)
async def test_one_event_passes_the_listed_files_in_their_order_and_no_others(hub: Hub) -> None:
    for agency, channels in ((COURT, []), (REGISTER, []), (ACTS, ["kafka"])):
        names = {"name_zh": agency, "name_en": agency}
        await hub.operator.send("/v1/agencies", {"id": agency, "channels": channels, **names})
    court = await hub.key(COURT, "supplier", items=["judgment-debtor"], sources=[source_of(COURT)])
    register = await hub.key(REGISTER, "supplier", items=["registration"], sources=[source_of(REGISTER)])
    acts = await hub.key(ACTS, "agency")
    who = next(one for one in known() if not one.sole_trader)
    await register.post([registration(who).event], wait=10)
    await eventually(hub.quiet, within=60)
    (hub.traces / "idle").touch()
    await eventually(lambda: hub.gateway_in("1"), within=30)
    await eventually(hub.quiet, within=60)

    (hub.traces / "armed").touch()
    await eventually(lambda: hub.gateway_in("2"), within=30)
    await court.post([listing(who, 1, 1, date(2026, 11, 20)).event], wait=10)
    passed = await eventually(hub.first_calls, lambda files: {THERE[-1], BACK[0]} <= set(files), within=30)
    assert [file for file in passed if file not in BACK] == THERE

    owed = (await acts.get("/v1/obligations"))["obligations"][0]
    answer = {"epoch": owed["epoch"], "version": owed["version"], "answer": "acknowledged"}
    await acts.send(f"/v1/obligations/{owed['obligation']}/feedback", answer)
    passed = await eventually(hub.first_calls, lambda files: BACK[-1] in files, within=30)
    assert [file for file in passed if file not in THERE] == BACK
