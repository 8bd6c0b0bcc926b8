"""Understands suppliers that never give up: every batch is sent until each of its entries has a receipt."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import aiohttp
import orjson

from tests.chaos.checker import Promise
from tests.chaos.hub import Hub
from tests.chaos.story import JsonObject, Sent, Teller

BATCH = 120  # events a request
REST = 4.0  # seconds between two batches of one supplier: the hub is to be broken, not measured
TRY_SECONDS = 20
LEAST_IN_FLIGHT = 100  # entries that must be under way when a fault strikes


@dataclass(slots=True)
class Load:
    """What has been sent, and the receipts held."""

    hub: Hub
    http: aiohttp.ClientSession
    promises: list[Promise] = field(default_factory=list[Promise])
    in_flight: int = 0
    requests: int = 0
    again: int = 0  # requests that had to be sent again, in whole or in part
    enough: bool = False  # set when the faults are over
    _busy: asyncio.Event = field(default_factory=asyncio.Event)

    async def tell(self, teller: Teller, events: int) -> None:
        """At least `events` of the teller's events, and on until it is enough; a subject's next step waits for its last."""
        told = 0
        while told < events or not self.enough:
            await self._until_received(teller, teller.batch(BATCH))
            told += BATCH
            await asyncio.sleep(REST if not self.enough else 0)
        await self._until_received(teller, teller.finish())

    async def busy(self) -> None:
        """Returns at a moment at which enough entries are under way."""
        self._busy.clear()
        await self._busy.wait()

    async def register(self, tellers: list[Teller]) -> None:
        register = next(t for t in tellers if not t.debtors)
        for teller in tellers:
            events = [{**event, "source": register.source} for event in teller.registrations()]
            sent = [
                Sent(event=e, expected="archived", fact=e["id"], subject=e["subject"][8:17], step=0) for e in events
            ]
            await self._until_received(register, sent)

    async def _until_received(self, teller: Teller, sent: list[Sent]) -> None:
        key = next(k for agency, k in self.hub.keys.items() if teller.source == self.hub.source(agency))
        while sent:
            self.in_flight += len(sent)
            if self.in_flight >= LEAST_IN_FLIGHT:
                self._busy.set()
            try:
                receipt = await self._post(key, sent)
            except (aiohttp.ClientError, OSError, TimeoutError):
                receipt = None
            finally:
                self.in_flight -= len(sent)
            self.requests += 1
            unknown = sent if receipt is None else self._keep(receipt, sent)
            if unknown:
                self.again += 1
                await asyncio.sleep(0.2)
            sent = unknown

    async def _post(self, key: str, sent: list[Sent]) -> JsonObject:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/cloudevents-batch+json"}
        body = orjson.dumps([s.event for s in sent])
        limit = aiohttp.ClientTimeout(total=TRY_SECONDS)
        async with self.http.post("/v1/events", data=body, headers=headers, timeout=limit) as answer:
            told = orjson.loads(await answer.read())
            assert answer.status in (202, 207, 422, 429, 503), f"{answer.status}: {told}"
            if "receipt" not in told:
                raise aiohttp.ClientConnectionError(str(answer.status))
            receipt: JsonObject = told["receipt"]
            return receipt

    def _keep(self, receipt: JsonObject, sent: list[Sent]) -> list[Sent]:
        """Holds a promise for each entry received; gives the entries that may not have been."""
        unknown: list[Sent] = []
        for entry in receipt["entries"]:
            one = sent[entry["index"]]
            assert entry["state"] in ("received", "unknown"), entry
            if entry["state"] == "unknown":
                unknown.append(one)
                continue
            event = one.event
            self.promises.append(
                Promise(
                    submission=receipt["submission"],
                    index=entry["index"],
                    source=event["source"],
                    id=event["id"],
                    expected=one.expected,
                    fact=one.fact,
                    subject=one.subject,
                    step=one.step,
                )
            )
        return unknown
