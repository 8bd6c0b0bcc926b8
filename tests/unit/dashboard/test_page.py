"""Understands what a rendered page promises: both languages whole, nothing inline, nothing unescaped, nothing from afar."""

from __future__ import annotations

import re
import string

import orjson
import pytest

from credithub import topics
from services.gateway.dashboard.figures import Agency, Holding, Part, Quarantine, Waiting
from services.gateway.dashboard.heard import hear, neighbours, samples
from services.gateway.dashboard.page import as_json, files, render_board, render_live, render_login
from services.gateway.dashboard.speak import Speak, language
from services.gateway.dashboard.texts import CAUSES, TEXTS
from tests.harness.ops import AT, exposition, figures, heard, stored, trouble, with_service

EMPTY = stored(
    flow={}, waiting=Waiting(), quarantine=Quarantine(), obligations=(), suspended=0, unacknowledged=None,
    holding=Holding(), unsettled=(), catalogue=None,
)  # fmt: skip
HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("day", [stored(), EMPTY, None], ids=["ordinary", "empty", "unknown"])
def test_every_day_can_be_shown_and_nothing_in_it_is_inline(lang: str, day: object) -> None:
    page = render_board(figures(stored=day), lang, token="t")  # type: ignore[arg-type]
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page)
    assert not re.search(r"<script(?![^>]*\ssrc=)", page)
    assert not re.search(r"(?:src|href|action)=\"(?!/ops)", page)


def test_the_english_page_has_no_chinese_but_its_names_and_the_way_back() -> None:
    page = render_live(figures(), "en").replace("演示", "")
    assert not HAN.search(page)


def test_empty_sections_say_what_will_stand_there() -> None:
    page = render_live(figures(stored=EMPTY), "zh")
    for words in ("近 30 分钟没有来件", "还没有响应任务", "没有待改正的条目", "还没有送出的任务", "没有生效的目录"):
        assert words in page


def test_while_the_database_is_away_numbers_are_unknown_and_the_page_says_so() -> None:
    page = render_live(figures(stored=None, postgresql=Part(name="postgresql", state="down")), "zh")
    assert page.count("PostgreSQL 没有应答") >= 5
    assert "有故障" in page


def test_the_illustrative_catalogue_is_announced_on_the_page() -> None:
    assert "2026-illustrative.2 仅为示例" in render_live(figures(), "zh")


def test_what_comes_from_outside_is_escaped() -> None:
    wild = "<img src=x onerror=alert(1)>"
    agency = Agency(id="x-130822", name_zh=wild, name_en=wild)
    day = stored(troubles=(trouble(agency=agency, error=wild),))
    page = render_live(figures(stored=day, heard=with_service("ingest", last_error=wild)), "zh")
    assert "<img" not in page
    assert page.count("&lt;img") == 3


def test_a_persons_number_in_an_error_is_hidden_before_it_reaches_the_page() -> None:
    number = "110101199003074477"  # invented
    said = hear("ingest", {"service": "ingest", "ready": True, "last_error": f"row {number}"}, "")
    assert number not in said.last_error


def test_a_login_form_names_its_note_in_the_readers_language() -> None:
    assert "密钥不对" in render_login("zh", at=AT, token="t", note="login.wrong")
    assert "expired" in render_login("en", at=AT, token="t", note="login.stale")


def test_every_text_has_both_languages_and_the_same_places() -> None:
    pairs = [*TEXTS.items(), *((code, pair) for code, both in CAUSES.items() for pair in both)]
    for name, (zh, en) in pairs:
        assert zh, name
        assert en, name
        assert _places(zh) == _places(en), name


def _places(text: str) -> set[str]:
    return {place for _, place, _, _ in string.Formatter().parse(text) if place}


@pytest.mark.parametrize(
    ("asked", "accept", "expected"),
    [
        (None, "", "zh"), ("en", "zh-CN", "en"), ("zh", "en", "zh"), ("fr", "en", "en"), (None, "fr, de;q=0.9", "zh"),
        (None, "en-GB,en;q=0.9,zh;q=0.8", "en"), (None, "zh-CN,zh;q=0.9,en;q=0.8", "zh"), (None, "en;q=abc,*", "zh"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_asked_for_then_the_browsers_then_chinese(
    asked: str, accept: str, expected: str
) -> None:
    assert language(asked, accept) == expected


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [(0.2, "0 秒", "0 s"), (59, "59 秒", "59 s"), (742, "12 分钟 22 秒", "12 min 22 s"), (93_600, "1 天 2 小时", "1 d 2 h"),
     (86_405, "1 天", "1 d"), (-3, "0 秒", "0 s")],
)  # fmt: skip
def test_a_duration_has_two_units_at_most(seconds: float, zh: str, en: str) -> None:
    assert (Speak("zh", AT).duration(seconds), Speak("en", AT).duration(seconds)) == (zh, en)


def test_the_json_has_the_same_facts_and_no_secret() -> None:
    told = orjson.loads(as_json(figures(heard=[heard("gateway")])))
    assert told["level"] == "red"
    assert {cause["facts"]["service"] for cause in told["causes"]} == {"ingest", "matcher", "notifier"}
    assert told["waiting"]["subject"] == 12
    assert told["stages"][0]["name"] == "received"
    assert len(told["stages"][0]["minutes"]) == 30


def test_a_file_is_kept_under_its_digest() -> None:
    assert set(files()) == {"ops.css", "ops.js", "seal.svg"}
    page = render_board(figures(), "zh", token="t")
    assert all(f"/ops/static/{file.digest}/{file.name}" in page for file in files().values())


def test_metrics_are_read_as_prometheus_writes_them() -> None:
    text = (
        exposition({("gateway", "received"): 12}, {topics.EVENTS.name: (3, 1.5)})
        + 'x_bucket{le="+Inf",a="q\\"u"} 1e3\n'
    )
    said = hear("gateway", {"ready": True}, text)
    assert said.handled == {("gateway", "received"): 12.0}
    assert said.lag_seconds == {topics.EVENTS.name: 1.5}
    assert samples(text)[-1] == ("x_bucket", {"le": "+Inf", "a": 'q"u'}, 1000.0)


def test_neighbours_are_named_in_one_setting() -> None:
    named = neighbours("ingest=http://127.0.0.1:8011/, ingest=http://127.0.0.1:8021,,matcher=http://[::1]:1")
    assert [(one.name, one.address) for one in named] == [
        ("ingest", "http://127.0.0.1:8011"), ("ingest", "http://127.0.0.1:8021"), ("matcher", "http://[::1]:1"),
    ]  # fmt: skip
    assert neighbours("") == ()


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_text_colour_stands_out_from_what_it_is_written_on(scheme: int) -> None:
    """WCAG AA: 4.5 to 1."""
    blocks = re.findall(r":root \{(.*?)\}", files()["ops.css"].content.decode(), re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", blocks[scheme]))
    pairs = [(text, ground) for text in ("ink", "soft", "accent-strong") for ground in ("card", "ground")]
    pairs += [(level, ground) for level in ("green", "amber", "red") for ground in ("card", f"{level}-soft")]
    pairs += [("ink", "amber-soft"), ("ink", "red-soft"), ("ink", "rail"), ("card", "accent")]
    weak = {pair: ratio for pair in pairs if (ratio := _contrast(colours[pair[0]], colours[pair[1]])) < 4.5}
    assert weak == {}


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
