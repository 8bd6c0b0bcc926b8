"""Understands one whole run against a running hub: bring in, play, count, show; then, if wished, stay."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from credithub.clock import today
from credithub.demo.accounts import accounted
from credithub.demo.answering import Desk
from credithub.demo.checks import Examiner
from credithub.demo.client import Client
from credithub.demo.county import ANSWERS_BY_HTTP, ANSWERS_BY_KAFKA, Onboarding, agencies
from credithub.demo.desks import HttpDesk, KafkaDesk
from credithub.demo.duties import Duties
from credithub.demo.figures import figures
from credithub.demo.ledger import Ledger
from credithub.demo.memory import Memory
from credithub.demo.narration import Narrator
from credithub.demo.patience import Patience
from credithub.demo.place import Place
from credithub.demo.programme import Programme
from credithub.demo.story import Story
from credithub.demo.summary import Summary
from credithub.errors import CreditHubError

PLANT = "CREDITHUB_DEMO_PLANT"  # `loss`: holds a receipt for what was never sent; the run must then fail
REQUEST = aiohttp.ClientTimeout(total=120)


@dataclass(slots=True, kw_only=True)
class Performance:
    """`run` gives whether everything reconciles. Unless `once`, it goes on answering after the table until `leave`."""

    place: Place
    narrator: Narrator
    began: float  # by the monotonic clock, before the hub was started
    once: bool
    memory: Memory = field(init=False)
    _stay: asyncio.Event | None = None

    def __post_init__(self) -> None:
        self.memory = Memory.of(self.place.data)

    def leave(self) -> bool:
        """Ends the stay; False where it has not begun."""
        if self._stay is not None:
            self._stay.set()
        return self._stay is not None

    async def run(self) -> bool:
        async with self._session() as session:
            key = (await Client(session=session, key="", ledger=Ledger(b"")).get("/v1/receipt-key"))["public_key_hex"]
            operator = Client(session=session, key=self.place.context.key, ledger=Ledger(bytes.fromhex(key)))
            run = self.memory.next_run()
            self.narrator.say("data", data=self.place.data, run=run)
            await self._bring_in(operator)
            desks = (Desk(self._by_kafka()), Desk(ANSWERS_BY_HTTP))
            story = self._story(operator, run, desks)
            async with working([self._kafka_desk(desks[0]).run(), self._http_desk(desks[1], operator).run()]):
                self.narrator.done(
                    "desks", self.narrator.text("desks_detail", kafka=desks[0].agency, http=desks[1].agency), 0.0
                )  # fmt: skip
                await story.play()
                good = await self._count(story, desks)
                if not self.once:
                    self._stay = asyncio.Event()
                    self.narrator.say("running")
                    await self._stay.wait()
        return good

    async def _bring_in(self, operator: Client) -> None:
        began = time.monotonic()
        new = await Onboarding(operator, self.memory).run()
        detail = self.narrator.text("onboard_detail", all=len(agencies()), new=new)
        self.narrator.done("onboard", detail, time.monotonic() - began)

    def _story(self, operator: Client, run: int, desks: Sequence[Desk]) -> Story:
        duties = Duties(
            operator=operator,
            answering=[desk.agency for desk in desks],
            pulling=ANSWERS_BY_HTTP,
            said={desk.agency: desk.said for desk in desks},
        )
        return Story(
            programme=Programme(run=run, today=today()),
            operator=operator,
            suppliers=self.memory.suppliers,
            duties=duties,
            narrator=self.narrator,
            patience=Patience(self.narrator),
        )

    async def _count(self, story: Story, desks: tuple[Desk, Desk]) -> bool:
        ledger = story.operator.ledger
        if os.environ.get(PLANT) == "loss":
            ledger.plant_loss()
        account = await accounted(ledger, story.operator)
        counted = figures(ledger, account, story.duties, time.monotonic() - self.began)
        counted.write(self.place.data)
        checks = await Examiner(story=story, desks=desks, account=account, figures=counted).checks()
        shown = Summary(narrator=self.narrator, story=story, account=account, figures=counted)
        shown.show(checks)
        context = self.place.context
        shown.addresses(url=context.url, kafka=context.kafka, key=context.key, data=self.place.data)
        return all(check.holds for check in checks)

    def _by_kafka(self) -> str:
        known = [agency for agency in ANSWERS_BY_KAFKA if agency in self.memory.kafka]
        if not known:
            raise CreditHubError(self.narrator.text("no_kafka_agency"))
        return known[0]

    def _kafka_desk(self, desk: Desk) -> KafkaDesk:
        return KafkaDesk(desk=desk, memory=self.memory, broker=self.place.broker)

    def _http_desk(self, desk: Desk, operator: Client) -> HttpDesk:
        key = self.memory.agencies[desk.agency]
        client = Client(session=operator.session, key=key, ledger=operator.ledger)
        return HttpDesk(desk=desk, memory=self.memory, client=client)

    def _session(self) -> aiohttp.ClientSession:
        """Proxies are for other machines: aiohttp asks none unless told to."""
        authority = self.place.broker.ca
        secure = ssl.create_default_context(cafile=authority) if authority else True
        connector = aiohttp.TCPConnector(ssl=secure, limit=16)
        return aiohttp.ClientSession(self.place.context.url, connector=connector, timeout=REQUEST)


@contextlib.asynccontextmanager
async def working(jobs: Sequence[Coroutine[Any, Any, None]]) -> AsyncGenerator[None]:
    """Jobs that go on beside the body and end with it; one that fails breaks the body off."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job) for job in jobs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
