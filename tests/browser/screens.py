"""Understands how pictures of the pages are made: ordinary, bad and empty days, both languages, wide, narrow, dark."""

from __future__ import annotations

import asyncio
import math
import random
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from credithub import topics
from credithub.clock import now, stamp
from services.gateway.dashboard.figures import MINUTES, Holding, Quarantine, Stored, Unsettled, Waiting, minute_of
from tests.browser.chromium import OPTIONS
from tests.browser.hall import Hall, hall
from tests.harness.ops import SHARES, FakeService, ago, exposition, heard, serving, stored, trouble

FOLDER = Path(".credithub") / "screens"
EVENTS, ANSWERS, REPORTS = topics.EVENTS.name, topics.FEEDBACK.name, topics.DELIVERIES.name
TOLD = (topics.NOTIFICATIONS.name, topics.ENDS.name)


def ordinary() -> Stored:
    at, chance = now(), random.Random(7)
    heights = [max(0, round(90 + 60 * math.sin(k / 4) + chance.gauss(0, 14))) for k in range(MINUTES)]
    heights[-1] //= 3
    first = minute_of(at) - MINUTES + 1
    flow = {
        stage: {first + k: round(height * part * chance.uniform(0.9, 1.05)) for k, height in enumerate(heights)}
        for stage, part in SHARES.items()
    }
    return stored(at, flow=flow)


def bad() -> Stored:
    at = now()
    failing = (
        Unsettled(channel="kafka", state="failed", number=4),
        Unsettled(channel="kafka", state="parked", number=2),
    )
    parked = trouble(at, state="parked", number=2, next_attempt_at=None, error="")
    return stored(
        at,
        troubles=(trouble(at), parked),
        unsettled=(*stored(at).unsettled, *failing),
        waiting=Waiting(subject=12, record=1, oldest=ago(at, days=4)),
    )


def empty() -> Stored:
    return stored(
        now(), flow={}, waiting=Waiting(), quarantine=Quarantine(), obligations=(), suspended=0, unacknowledged=None,
        holding=Holding(), unsettled=(),
    )  # fmt: skip


def services(events: tuple[int, float] = (0, 0.0), reports: tuple[int, float] = (3, 0.4)) -> list[FakeService]:
    lag = {EVENTS: events, ANSWERS: (0, 0.0), REPORTS: reports}
    return [
        FakeService("ingest", metrics=exposition({}, {topics.SUBMISSIONS.name: (12, 0.2)})),
        FakeService("matcher", metrics=exposition({}, lag)),
        FakeService(
            "notifier",
            metrics=exposition({}, dict.fromkeys(TOLD, (0, 0.0))),
            last_error="relay: Kafka: KafkaConnectionError: Connection to broker failed",
            last_error_at=stamp(now() - timedelta(hours=2)),
        ),
    ]


def remember(here: Hall, worst: float) -> None:
    """Half an hour of lags, as the gateway's loop would have heard them."""
    chance, at = random.Random(3), now()
    for k in range(MINUTES - 1, 0, -1):
        lags = {name: chance.random() * worst * (1 - k / MINUTES) ** 3 for name in (EVENTS, REPORTS)}
        lags |= {name: chance.random() for name in (topics.SUBMISSIONS.name, ANSWERS, *TOLD)}
        here.board._history.see(at - timedelta(minutes=k), [heard("matcher", lag_seconds=lags)])


@asynccontextmanager
async def page_of(day: Callable[[], Stored], running: list[FakeService], worst: float = 0) -> AsyncIterator[Hall]:
    with tempfile.TemporaryDirectory() as folder:
        async with serving(*running) as named, hall(Path(folder), named) as here:
            here.say = day
            if worst:
                remember(here, worst)
            yield here


async def shoot(chromium: Browser, here: Hall, name: str, *, lang: str, width: int, dark: bool = False) -> None:
    context = await chromium.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if dark else "light",
        device_scale_factor=2 if width < 500 else 1,
    )
    page = await context.new_page()
    await page.goto(f"{here.address}/ops?lang={lang}")
    if name != "login":
        await page.fill("#key", here.key("operator"))
        await page.click("button[type=submit]")
        await page.wait_for_selector("#flow")
    path = FOLDER / f"ops-{name}-{lang}-{width}{'-dark' if dark else ''}.png"
    await page.screenshot(path=path, full_page=True)
    await context.close()
    print(path)


async def main() -> None:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(**OPTIONS)
        async with page_of(ordinary, services(), worst=3) as here:
            await shoot(chromium, here, "login", lang="zh", width=1280)
            for lang, width, dark in (("zh", 1280, False), ("en", 1280, False), ("zh", 1280, True), ("zh", 375, False)):
                await shoot(chromium, here, "day", lang=lang, width=width, dark=dark)
        async with page_of(bad, services((8_412, 742.0), (120, 81.0))[1:], worst=700) as here:
            await shoot(chromium, here, "bad", lang="zh", width=1280)
            await shoot(chromium, here, "bad", lang="en", width=375)
        async with page_of(empty, services()) as here:
            await shoot(chromium, here, "empty", lang="zh", width=1280)
        await chromium.close()


if __name__ == "__main__":
    asyncio.run(main())
