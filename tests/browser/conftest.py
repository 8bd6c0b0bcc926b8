"""Understands a browser for tests: one Chromium, a new context each, which tells of every error and every foreign request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright, expect

from tests.browser.chromium import OPTIONS
from tests.browser.hall import Hall, hall
from tests.harness.ops import FakeService, serving

expect.set_options(timeout=20_000)  # milliseconds; the machine may be busy with other tests


@dataclass(slots=True)
class Visitor:
    """Somebody at a browser, and all that went wrong in it."""

    browser: Browser
    hall: Hall
    errors: list[str] = field(default_factory=list[str])
    asked: list[str] = field(default_factory=list[str])
    contexts: list[BrowserContext] = field(default_factory=list[BrowserContext])

    async def come(self, **context: Any) -> Page:
        """An empty page of a new context; `viewport`, `locale`, `java_script_enabled` as playwright names them."""
        made = await self.browser.new_context(**context)
        self.contexts.append(made)
        page = await made.new_page()
        page.on("console", lambda message: self.errors.extend(_wrong(message)))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        return page

    async def enter(self, page: Page, lang: str = "zh", role: str = "operator") -> None:
        await page.goto(f"{self.hall.address}/ops?lang={lang}")
        await page.fill("#key", self.hall.key(role))
        await page.click("button[type=submit]")
        await page.wait_for_selector("#verdict")

    def strangers(self) -> set[str]:
        """Hosts other than ours that were asked for anything."""
        return {host for url in self.asked if (host := urlsplit(url).netloc) != urlsplit(self.hall.address).netloc}


def _wrong(message: ConsoleMessage) -> list[str]:
    return [message.text] if message.type in ("error", "warning") else []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(**OPTIONS)
        yield started
        await started.close()


@pytest_asyncio.fixture(loop_scope="module")
async def services() -> AsyncIterator[dict[str, FakeService]]:
    """The three other services, which the test may change."""
    three = {name: FakeService(name) for name in ("ingest", "matcher", "notifier")}
    async with serving(*three.values()):
        yield three


@pytest_asyncio.fixture(loop_scope="module")
async def visitor(tmp_path: Path, services: dict[str, FakeService], chromium: Browser) -> AsyncIterator[Visitor]:
    named = ",".join(f"{service.name}={service.address}" for service in services.values())
    async with hall(tmp_path, named) as here:
        visitor = Visitor(chromium, here)
        yield visitor
        for context in visitor.contexts:
            await context.close()
