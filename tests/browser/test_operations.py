"""Understands what an operator meets in a real Chromium: the door, the figures, their life, their look on a phone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from credithub import topics
from credithub.clock import now, stamp
from credithub.db.engine import make_engine
from services.gateway.dashboard.figures import Quarantine, Waiting
from services.gateway.store.database import Database as Gateway
from tests.browser.conftest import Visitor
from tests.browser.hall import hall
from tests.harness.eventually import eventually
from tests.harness.ground import Database
from tests.harness.ops import FakeService, ago, exposition, serving, stored, trouble
from tests.integration.dashboard.day import a_day

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE = {"viewport": {"width": 375, "height": 812}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
SECTIONS = ("verdict", "tiles", "flow", "lag", "parts", "obligations", "quarantine", "answers", "deliveries")


async def test_an_operator_signs_in_sees_the_figures_and_signs_out(visitor: Visitor) -> None:
    page = await visitor.come(locale="zh-CN")
    await page.goto(f"{visitor.hall.address}/ops")
    await expect(page.locator("h1")).to_have_text("运行看板登录")
    await page.fill("#key", "  " + visitor.hall.key("operator") + "\n")
    await page.click("button[type=submit]")
    for section in SECTIONS:
        await expect(page.locator(f"#{section}")).to_be_visible()
    await expect(page.locator("#verdict h1")).to_contain_text("正常")
    await expect(page.locator("#banner")).to_contain_text("演示")
    await page.click("text=退出")
    await expect(page.locator("[role=alert]")).to_have_text("已退出。")
    await page.goto(f"{visitor.hall.address}/ops")
    await expect(page.locator("#key")).to_be_visible()
    assert visitor.errors == []
    assert visitor.strangers() == set()


async def test_an_auditor_may_see_and_agencies_and_strangers_may_not(visitor: Visitor) -> None:
    page = await visitor.come()
    await visitor.enter(page, role="auditor")
    for key in (visitor.hall.key("agency", "supplier"), "chk_nobody_nothing", "密钥"):
        page = await visitor.come()
        await page.goto(f"{visitor.hall.address}/ops?lang=zh")
        await page.fill("#key", key)
        await page.click("button[type=submit]")
        await expect(page.locator("[role=alert]")).to_contain_text("无权查看")
        assert (await page.request.get(f"{visitor.hall.address}/ops/figures.json")).status == 401
        assert (await page.request.get(f"{visitor.hall.address}/ops/live")).status == 401


async def test_the_session_stands_in_a_cookie_no_script_and_no_other_site_can_use(visitor: Visitor) -> None:
    page = await visitor.come()
    await visitor.enter(page)
    (cookie,) = [c for c in await page.context.cookies() if c.get("name") == "credithub_ops"]
    assert (cookie.get("httpOnly"), cookie.get("sameSite"), cookie.get("path")) == (True, "Strict", "/ops")
    assert "chk_" not in str(cookie.get("value"))
    assert await page.evaluate("document.cookie") == ""


async def test_a_form_sent_from_elsewhere_signs_nobody_in(visitor: Visitor) -> None:
    page = await visitor.come()
    answer = await page.request.post(
        f"{visitor.hall.address}/ops?lang=en", form={"key": visitor.hall.key("operator"), "token": "0" * 64}
    )
    assert answer.status == 403
    assert "expired" in await answer.text()
    assert (await page.request.get(f"{visitor.hall.address}/ops/live")).status == 401


@pytest.mark.parametrize(("lang", "words"), [("zh", "每分钟流量"), ("en", "Events per minute by stage")])
@pytest.mark.parametrize("day", ["ordinary", "bad"])
async def test_on_a_phone_everything_is_read_without_scrolling_sideways(
    visitor: Visitor, services: dict[str, FakeService], lang: str, words: str, day: str
) -> None:
    if day == "bad":
        long = "KafkaConnectionError: " + "kafka-broker-with-a-very-long-name.example:9092," * 6
        services["notifier"].last_error, services["notifier"].last_error_at = long, stamp()
        services["matcher"].metrics = exposition({}, {topics.EVENTS.name: (123_456_789, 456_789.0)})
        visitor.hall.say = lambda: stored(now(), troubles=(trouble(now(), error=long),))
    page = await visitor.come(**PHONE)
    await visitor.enter(page, lang)
    await expect(page.locator("#flow h2")).to_have_text(words)
    assert await page.evaluate("document.documentElement.scrollWidth") <= 375
    assert await _cut_off(page) == []
    assert visitor.errors == []


async def _cut_off(page: Page) -> list[str]:
    """Texts whose box reaches over the edge of the screen."""
    return await page.evaluate(
        """() => [...document.querySelectorAll("h1,h2,h3,p,b,small,code,li")]
            .filter(e => e.getBoundingClientRect().right > 375.5).map(e => e.textContent.slice(0, 60))"""
    )


async def test_figures_live_without_a_reload_and_rest_when_paused_or_out_of_sight(visitor: Visitor) -> None:
    page = await visitor.come()
    await page.clock.install()
    await visitor.enter(page)
    await page.evaluate("window.mark = 'never reloaded'")
    await _after(visitor, page, 4_321)
    await expect(page.locator("#tiles")).to_contain_text("4,321")
    await page.click("#pause")
    await expect(page.locator("#pulse")).to_have_text("已暂停")
    asked = len(visitor.asked)
    await _after(visitor, page, 8_765)
    assert len(visitor.asked) == asked
    await page.click("#pause")
    await expect(page.locator("#tiles")).to_contain_text("8,765")
    await _hide(page, True)
    asked = len(visitor.asked)
    await _after(visitor, page, 77_001)
    assert len(visitor.asked) == asked
    await _hide(page, False)
    await expect(page.locator("#tiles")).to_contain_text("77,001")
    assert await page.evaluate("window.mark") == "never reloaded"
    assert visitor.errors == []
    assert visitor.strangers() == set()


async def _after(visitor: Visitor, page: Page, waiting: int) -> None:
    """So many wait now, and a minute passes for the page."""
    visitor.hall.say = lambda: stored(now(), waiting=Waiting(subject=waiting, oldest=ago(now(), hours=1)))
    visitor.hall.board._fresh_until = 0.0
    await page.clock.run_for(60_000)


async def _hide(page: Page, hidden: bool) -> None:
    """As when another tab is chosen; a browser without a screen never does it by itself."""
    await page.evaluate(
        """hidden => { Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
                       document.dispatchEvent(new Event("visibilitychange")); }""",
        hidden,
    )


async def test_trouble_turns_the_page_red_while_it_is_open_and_its_title_too(
    visitor: Visitor, services: dict[str, FakeService]
) -> None:
    page = await visitor.come()
    await visitor.enter(page, "en")
    await expect(page).to_have_title("All well · Operations")
    services["matcher"].ready, services["matcher"].away = False, ["relay"]
    await expect(page.locator("#verdict.red h1")).to_contain_text("Service matcher is not ready")
    await expect(page).to_have_title("Trouble · Operations")
    visitor.hall.say = lambda: None
    await expect(page.locator("#verdict h1")).to_contain_text("PostgreSQL does not answer")
    await expect(page.locator("#quarantine")).to_contain_text("unknown for now")
    services["matcher"].ready, services["matcher"].away = True, []
    visitor.hall.say = lambda: stored(now(), quarantine=Quarantine())
    await expect(page.locator("#verdict.green")).to_be_visible()
    assert visitor.errors == []


async def test_a_lost_connection_is_said_and_the_page_comes_back_by_itself(visitor: Visitor) -> None:
    page = await visitor.come()
    await visitor.enter(page)
    await page.route("**/ops/live*", lambda route: route.abort())
    await expect(page.locator("#pulse")).to_contain_text("连接中断")
    await page.unroute("**/ops/live*")
    await expect(page.locator("#pulse")).to_have_text("实时")


async def test_the_page_of_a_revoked_key_goes_back_to_the_door(visitor: Visitor) -> None:
    page = await visitor.come()
    await visitor.enter(page)
    visitor.hall.revoke_all()
    await expect(page.locator("#key")).to_be_visible()


async def test_without_scripts_the_page_is_whole_and_reloads_itself(visitor: Visitor) -> None:
    page = await visitor.come(java_script_enabled=False)
    await visitor.enter(page)
    for section in SECTIONS:
        await expect(page.locator(f"#{section}")).to_be_visible()
    assert 'http-equiv="refresh" content="10"' in await page.content()
    await expect(page.locator("#pause")).to_be_hidden()
    await page.click("text=退出")
    await expect(page.locator("#key")).to_be_visible()


async def test_the_policy_lets_nothing_inline_run_and_nothing_from_elsewhere_in(visitor: Visitor) -> None:
    page = await visitor.come()
    await visitor.enter(page)
    await page.evaluate("""() => { const s = document.createElement("script"); s.textContent = "window.ran = 1";
                                   document.head.append(s); document.body.setAttribute("style", "opacity: .5"); }""")
    assert await page.evaluate("window.ran") is None
    assert await page.evaluate("getComputedStyle(document.body).opacity") == "1"
    answer = await page.request.get(f"{visitor.hall.address}/ops")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    sheet = await page.get_attribute("link[rel=stylesheet]", "href")
    assert "immutable" in (await page.request.get(f"{visitor.hall.address}{sheet}")).headers["cache-control"]


async def test_the_page_follows_the_darkness_of_the_room(visitor: Visitor) -> None:
    grounds: set[str] = set()
    for scheme in ("light", "dark"):
        page = await visitor.come(color_scheme=scheme)
        await visitor.enter(page)
        grounds.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


async def test_what_stands_in_postgresql_and_kafka_is_what_the_operator_reads(
    visitor: Visitor, database: Database, tmp_path: Path
) -> None:
    await a_day(database)
    gateway = Gateway(make_engine(database.settings("gateway"), "gateway"))
    counters = exposition({}, {topics.SUBMISSIONS.name: (7, 12.0)})
    error = FakeService(
        "ingest", metrics=counters, last_error="kafka: gone", last_error_at=stamp(now() - timedelta(minutes=9))
    )
    async with serving(error, FakeService("matcher"), FakeService("notifier")) as named:
        settings = database.settings("gateway", services=named)
        async with hall(tmp_path / "real", database=gateway, settings=settings) as here:
            visitor.hall = here
            page = await visitor.come()
            await visitor.enter(page, "en")
            await expect(page.locator("#flow li").nth(2)).to_contain_text("15")
            await expect(page.locator("#parts li").nth(0)).to_contain_text("answers in")
            await expect(page.locator("#parts li").nth(3)).to_contain_text("kafka: gone")
            await expect(page.locator("#lag li").nth(0)).to_contain_text("12 s")
            await expect(page.locator("#quarantine")).to_contain_text("CHARSET")
            await expect(page.locator("#answers")).to_contain_text("obl_oldest")
            await expect(page.locator("#verdict.amber")).to_contain_text("mnr-130822")
            told = await (await page.request.get(f"{here.address}/ops/figures.json")).json()
            assert told["level"] == "amber"
            assert told["holding"]["number"] == 2
    await eventually(lambda: visitor.errors == [] and visitor.strangers() == set())
    await gateway.close()
