"""Understands how the header of a department's table is recognised, and how its days and amounts are read."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credithub.domain.amounts import read_amount
from credithub.domain.dates import day_after, read_day, spreadsheet_day
from credithub.domain.feeds import FeedMapping, fold_header, load
from credithub.domain.tables import SHIPPED

FEEDS = load(SHIPPED / "feeds")


def feed(name: str) -> FeedMapping:
    found = FEEDS.latest(name)
    assert found
    return found


@pytest.mark.parametrize(
    "header",
    [
        "XK_XDR_MC",
        "xk_xdr_mc",
        "xkXdrMc",
        " XK_XDR_MC ",
        "行政相对人名称",
        "*行政相对人名称",
        "行政相对人 名称（必填）",
    ],
)
def test_a_column_is_known_by_its_code_in_any_case_and_by_its_chinese_name(header: str) -> None:
    assert feed("licence-2018").match([header]).matched == {header: "XK_XDR_MC"}


@pytest.mark.parametrize(
    ("name", "header", "to"),
    [
        ("licence-2018", "XK_YXQZ", "licence.valid_from"),
        ("licence-2018", "XK_YXQZI", "licence.valid_to"),
        ("licence-2018", "XK_XDR_ZDM", "subject.organisation_code"),
        ("penalty-2018", "罚款金额(万元)", "penalty.fine_yuan"),
        ("penalty-2018", "CF_XKJG", "document.issuer"),
        ("penalty-2018", "cfNrFk", "penalty.fine_yuan"),
        ("judgment-debtor", "案号", "debtor.case_number"),
        ("judgment-debtor", "disruptTypeName", "debtor.circumstances"),
    ],
)
def test_the_columns_that_mislead_go_where_they_belong(name: str, header: str, to: str) -> None:
    mapping = feed(name)
    assert mapping.by_code[mapping.match([header]).matched[header]].to[0] == to


def test_the_source_unit_is_called_otherwise_in_each_table_and_known_in_both() -> None:
    assert feed("licence-2018").match(["XK_LYDW"]).unknown == ()
    assert feed("penalty-2018").match(["CF_SJLY", "CF_SJLYDM"]).unknown == ()


def test_a_match_says_what_is_unknown_missing_and_doubled_and_hides_numbers() -> None:
    match = feed("licence-2018").match(["XK_NR", "许可内容", "张某110101199003077758", "XK_FR_SFZH", "XK_FR_ZJHM"])
    assert match.unknown == ("张某[证件号码已隐去]",)
    assert set(match.missing) == {"XK_XDR_MC", "XK_WSH", "XK_XKLB", "XK_JDRQ", "XK_XKJG"}
    assert match.ambiguous == (("XK_NR", ("XK_NR", "许可内容")),)


def test_what_was_only_remembered_never_refuses_but_what_the_contract_needs_must_be_there() -> None:
    for mapping in FEEDS:
        needed = {path for column in mapping.columns if column.must == "strict" for path in column.to}
        assert {"subject.name", "document.number", "document.issuer", "document.decided_on"} <= needed
        assert not [c.code for c in mapping.columns if c.mark == "M" and c.must == "strict"]


def test_no_two_columns_of_a_table_share_a_name() -> None:
    for mapping in FEEDS:
        owners = {fold_header(name): c.code for c in mapping.columns for name in (c.code, *c.zh, *c.also)}
        assert all(mapping.match([name]).matched[name] == code for name, code in owners.items())


def test_columns_about_persons_are_marked_to_be_dropped() -> None:
    dropped = {c.code for mapping in FEEDS for c in mapping.columns if c.person}
    assert {
        "XK_FRDB",
        "XK_FR_ZJHM",
        "XK_XDR_ZJHM",
        "CF_FRDB",
        "CF_XDR_ZJHM",
        "businessEntity",
        "sexy",
        "age",
    } <= dropped
    assert not [c.code for mapping in FEEDS for c in mapping.columns if c.person and c.to]


def test_a_version_that_was_stamped_is_found_again() -> None:
    assert FEEDS.get("licence-2018", "1") is feed("licence-2018")
    assert FEEDS.get("licence-2018", "99") is None
    assert FEEDS.latest("nobody") is None


@pytest.mark.parametrize(
    "written",
    [
        "2018-07-25",
        "2018/7/25",
        "2018.07.25",
        "20180725",
        "2018年07月25日",
        "2018 年 7 月 25 日",
        "２０１８-０７-２５",
        "1532448000000",
        "2018-07-25 00:00:00",
        "2018-07-24T16:00:00Z",
        "2018-07-25T00:00:00+08:00",
    ],
)
def test_a_day_is_read_in_every_form_that_was_met(written: str) -> None:
    assert read_day(written) == "2018-07-25"


@pytest.mark.parametrize(
    "written", ["", "去年", "2018-13-01", "2018-02-30", "25/07/2018", "2018", "2018/07-25", "43306"]
)
def test_what_is_no_day_is_none(written: str) -> None:
    assert read_day(written) is None


@given(st.dates(date(1950, 1, 1)))
def test_every_day_survives_its_own_spelling(day: date) -> None:
    assert read_day(day.isoformat()) == read_day(f"{day.year}年{day.month}月{day.day}日") == day.isoformat()


def test_a_spreadsheets_number_is_only_a_hint_and_a_moment_has_a_next_day() -> None:
    assert spreadsheet_day("43306") == "2018-07-25"
    assert spreadsheet_day("12") is None
    assert day_after("2026-12-31T23:00:00+08:00") == "2027-01-01"


@pytest.mark.parametrize(
    ("written", "yuan"),
    [
        ("0.2", "2000"),
        ("1,234.56", "12345600"),
        ("0.2万元", "2000"),
        ("0.000001", "0.01"),
        ("0", "0"),
        ("１.５", "15000"),
    ],
)
def test_ten_thousands_of_yuan_become_yuan(written: str, yuan: str) -> None:
    assert read_amount(written, "万元").yuan == yuan


@pytest.mark.parametrize(
    ("written", "code", "hint"),
    [
        ("2000元", "amount-unreadable", "0.2"),
        ("贰仟元", "amount-unreadable", None),
        ("1e3", "amount-unreadable", None),
        ("12,34", "amount-unreadable", None),
        ("-1", "amount-negative", None),
        ("0.0000001", "amount-too-fine", None),
        ("99999999999", "amount-too-large", None),
    ],
)
def test_an_amount_that_cannot_be_trusted_says_why(written: str, code: str, hint: str | None) -> None:
    amount = read_amount(written, "万元")
    assert (amount.yuan, amount.code, amount.hint) == (None, code, hint)
