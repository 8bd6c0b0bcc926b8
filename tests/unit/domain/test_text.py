"""Understands how text is cleaned and folded, and what every reason owes its reader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from credithub.domain.reasons import REASONS, Reason, explain, refuses
from credithub.domain.text import clean, fold_document_number, fold_name, has_forbidden

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]

CITED = re.compile(
    r"国办?发〔\d{4}〕\d+号 [一二三四五六七八九十]+(\([一二三四五六七八九十]+\))*"
)  # a clause has but one name

NOTHING = ["", "  ", "-", "— —", "－", "暂无", " 暂无\u200b", "nan", "NaN", "null", "NULL", "/", "\ufeff"]


@pytest.mark.parametrize("raw", NOTHING)
def test_every_mark_for_nothing_is_nothing(raw: str) -> None:
    assert clean(raw) is None


@pytest.mark.parametrize(("raw", "kept"), [(" 甲 乙 ", "甲 乙"), ("甲\u200b乙", "甲乙"), ("-1", "-1"), ("１", "１")])
def test_all_else_is_trimmed_and_kept(raw: str, kept: str) -> None:
    assert clean(raw) == kept


@pytest.mark.parametrize(
    "written",
    [
        "兴环罚字〔2026〕第3号",
        "兴环罚字[2026]第3号",
        "兴环罚字（２０２６）第3号",
        "兴环罚字【2026】 第 3 号",
        "兴环罚字(2026)第3号\u200b",
    ],
)
def test_document_numbers_are_one_however_their_brackets_are_written(written: str) -> None:
    assert fold_document_number(written) == "兴环罚字(2026)第3号"


def test_numbers_that_differ_stay_different_when_folded() -> None:
    assert fold_document_number("2026-1-12") != fold_document_number("2026-11-2")


def test_names_are_compared_without_regard_to_brackets_and_spaces() -> None:
    assert fold_name("演示（兴隆） 有限公司") == fold_name("演示(兴隆)有限公司")


@pytest.mark.parametrize("text", ["a\x00b", "甲\u202e乙", "\ud800", "损\ufffd坏", "\x1b[0m"])
def test_control_direction_and_broken_characters_are_seen(text: str) -> None:
    assert has_forbidden(text)
    assert not has_forbidden("甲\n乙\t丙\u3000丁")


def test_every_reason_says_in_two_languages_what_is_wrong_and_what_to_do() -> None:
    for code, text in REASONS.items():
        assert re.search(r"[\u4e00-\u9fff]", text.zh + text.do_zh), code
        assert not re.search(r"[\u4e00-\u9fff]", CITED.sub("", text.en + text.do_en)), code
        assert text.level in {"refuse", "warn"}


def test_a_reason_with_a_place_is_found_and_explained() -> None:
    reason = Reason(code="CHARSET@11", hint="91130800PDY900077X")
    assert refuses(reason)
    assert "第11位" in explain(reason, "zh")
    assert "Character 11" in explain(reason, "en")
    assert "91130800PDY900077X" in explain(reason, "en")


def test_no_module_gives_a_reason_that_is_not_in_the_closed_table() -> None:
    given: dict[str, str] = {}
    for room in ("credithub", "services"):
        for path in (ROOT / room).rglob("*.py"):
            for code in re.findall(r'Reason\(\s*code="([^"]+)"', path.read_text(encoding="utf-8")):
                given[code] = str(path)
    assert {code: path for code, path in given.items() if code not in REASONS} == {}
