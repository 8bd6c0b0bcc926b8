"""Understands how rows of the real tables become events: each trap that was met in them, and every fault of a row."""

from __future__ import annotations

from typing import Any

import pytest

from credithub import schemas
from credithub.demo.synthetic import organisation_code, registration_number, taxpayer_number, unified_code
from credithub.domain.checkdigits import citizen_check
from credithub.domain.events import CreditEvent
from credithub.domain.reasons import refuses
from services.ingest.rules import Blank, Quarantine, normalise
from tests.harness.entries import CONTEXT, a_row
from tests.harness.feedfiles import PERSON_NUMBER, licence_row

PENALTY = {
    "CF_XDR_MC": "演示一号有限公司",
    "CF_XDR_LB": "法人及非法人组织",
    "CF_XDR_SHXYM": unified_code(1),
    "CF_WSH": "演市监罚〔2026〕1号",
    "CF_WFXW": "未按规定公示年度报告",
    "CF_SY": "当事人未按规定公示年度报告。",
    "CF_YJ": "《企业信息公示暂行条例》",
    "CF_CFLB": "罚款",
    "CF_NR": "罚款2000元",
    "CF_NR_FK": "0.2",
    "CF_JDRQ": "2026-03-01",
    "CF_YXQ": "2099-12-31",
    "CF_GSJZQ": "2027-03-08",
    "CF_CFJG": "演示县市场监督管理局",
    "CF_CFJGDM": unified_code(99_002, registrar="1"),
    "CF_SJLY": "演示县市场监督管理局",
}
DEBTOR = {
    "iname": "演示一号有限公司",
    "partyTypeName": "1",
    "sexy": "",
    "age": "0",
    "cardNum": organisation_code(1),
    "businessEntity": "某某",
    "courtName": "演示县人民法院",
    "areaName": "河北",
    "gistId": "（2025）冀0822民初12号",
    "gistUnit": "演示县人民法院",
    "caseCode": "（2026）冀0822执123号",
    "regDate": "20260105",
    "publishDate": "2026年02月03日",
    "duty": "支付货款10000元",
    "performance": "全部未履行",
    "performedPart": "暂无",
    "unperformPart": "暂无",
    "disruptTypeName": "有履行能力而拒不履行生效法律文书确定义务",
}

SPACED = f"{PERSON_NUMBER[:6]} {PERSON_NUMBER[6:14]} {PERSON_NUMBER[14:]}"


def row(feed: str = "licence-2018", **changes: str) -> dict[str, str]:
    return {"licence-2018": licence_row(1), "penalty-2018": PENALTY, "judgment-debtor": DEBTOR}[feed] | changes


def archived(feed: str = "licence-2018", **changes: str) -> CreditEvent:
    outcome = normalise(a_row(row(feed, **changes), feed), CONTEXT)
    assert isinstance(outcome, CreditEvent), outcome
    assert schemas.faults(outcome.kind, outcome.data) == []
    assert CreditEvent.from_bytes(outcome.to_bytes()) == outcome
    return outcome


def refused(feed: str = "licence-2018", **changes: str) -> set[tuple[str | None, str]]:
    return {(r.field, r.code) for r in quarantined(feed, **changes).reasons if refuses(r)}


def quarantined(feed: str = "licence-2018", **changes: str) -> Quarantine:
    outcome = normalise(a_row(row(feed, **changes), feed, row=7), CONTEXT)
    assert isinstance(outcome, Quarantine), outcome
    assert {reason.row for reason in outcome.reasons} == {7}
    return outcome


def warned(event: CreditEvent) -> set[str]:
    return {reason.code for reason in event.warnings}


def test_a_sound_row_of_each_table_becomes_an_event_that_its_schema_accepts() -> None:
    licence, penalty, debtor = archived(), archived("penalty-2018"), archived("judgment-debtor")
    assert (licence.kind, licence.item, licence.form, licence.row) == ("licence.granted", "licence", "row", 2)
    assert licence.organisation_code == organisation_code(1)
    assert licence.folded_number == "演水许(2026)1号"
    assert (penalty.kind, debtor.kind) == ("penalty.imposed", "judgment-debtor.listed")
    assert debtor.document["number"] == debtor.data["debtor"]["case_number"] == "（2026）冀0822执123号"
    assert licence.file == "f" * 64


def test_trap_1_the_column_that_looks_like_to_means_from() -> None:
    licence = archived().data["licence"]
    assert (licence["valid_from"], licence["valid_to"]) == ("2026-01-05", "2031-01-04")


def test_trap_3_ten_thousands_of_yuan_become_yuan() -> None:
    assert archived("penalty-2018").data["penalty"]["fine_yuan"] == "2000"
    suspicious = archived("penalty-2018", CF_NR_FK="2000")
    assert [(r.code, r.hint) for r in suspicious.warnings] == [("amount-unit-suspect", "0.2")]
    assert refused("penalty-2018", CF_NR_FK="2000元") == {("CF_NR_FK", "amount-unreadable")}


@pytest.mark.parametrize("day", ["2026-01-05", "2026/1/5", "20260105", "2026年01月05日", "1767542400000"])
def test_trap_4_days_in_every_form_are_one_day_and_one_content(day: str) -> None:
    assert archived(XK_JDRQ=day).document["decided_on"] == "2026-01-05"
    assert archived(XK_JDRQ=day).content == archived().content


@pytest.mark.parametrize("no_end", ["2099-12-31", "2099-01-31", "2099/12/31", "20991231", "长期"])
def test_trap_4_a_sentinel_means_no_end(no_end: str) -> None:
    assert archived(XK_YXQZI=no_end).data["licence"]["valid_to"] is None


def test_trap_4_the_first_day_of_spreadsheets_means_nothing() -> None:
    assert "valid_from" not in archived(XK_YXQZ="1899-12-31").data["licence"]
    assert refused(XK_JDRQ="1899/12/31") == {("XK_JDRQ", "required-missing")}


@pytest.mark.parametrize("nothing", ["", "-", "— —", "暂无", "nan", "null", "NULL", "0" * 15, "\u200b"])
def test_trap_5_marks_for_nothing_are_nothing(nothing: str) -> None:
    event = archived(XK_XDR_GSZC=nothing, BZ="" if nothing.startswith("0") else nothing)
    assert "registration_number" not in event.data["subject"]
    assert "remarks" not in event.data


def test_trap_5_a_placeholder_of_the_issuer_is_missing_and_said_so() -> None:
    event = archived(XK_XKJGDM="00000000000000000X")
    assert "issuer_code" not in event.document
    assert "PLACEHOLDER" in warned(event)


def test_trap_6_a_row_that_explains_the_table_is_no_entry() -> None:
    empty = dict.fromkeys(licence_row(1), "")
    for cells in (empty, empty | {"XK_XDR_MC": "表格说明：带*为必填"}, {header: header for header in empty}):
        assert isinstance(normalise(a_row(cells), CONTEXT), Blank)


@pytest.mark.parametrize(
    ("written", "kept"), [("01", "普通"), ("普通", "普通"), ("普通；登记", "普通;登记"), ("其他-备案", "其他-备案")]
)
def test_trap_7_a_category_is_a_word_or_its_number(written: str, kept: str) -> None:
    assert archived(XK_XKLB=written).data["licence"]["category"] == kept


def test_trap_7_a_penalty_of_an_unknown_kind_is_kept_with_a_warning_since_the_list_is_from_memory() -> None:
    event = archived("penalty-2018", CF_CFLB="训诫")
    assert event.data["penalty"]["category"] == "训诫"
    assert warned(event) == {"enumeration-unconfirmed"}
    assert (
        archived("penalty-2018", CF_CFLB="罚款;没收违法所得、没收非法财物").data["penalty"]["category"].count(";") == 1
    )


@pytest.mark.parametrize("number", ["演水许[2026]1号", "演水许（2026）1号", "演水许 〔２０２６〕 1 号"])
def test_trap_9_document_numbers_are_compared_on_a_folded_form(number: str) -> None:
    assert archived(XK_WSH=number).folded_number == archived().folded_number
    assert archived(XK_WSH=number).content == archived().content


def test_trap_10_full_width_codes_are_normalised() -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) for c in unified_code(1))
    assert archived(XK_XDR_SHXYM=wide).unified_code == unified_code(1)


def test_trap_11_brackets_in_names_make_no_other_content() -> None:
    assert archived(XK_XDR_MC="演示1号(兴隆)有限公司").content == archived().content
    assert archived(XK_XDR_MC="演示2号(兴隆)有限公司").content != archived().content


def test_trap_12_headers_in_any_case_and_old_names_give_the_same_event() -> None:
    camel = {"xkXdrMc": "XK_XDR_MC", "xk_wsh": "XK_WSH", "XK_XZJG": "XK_XKJG", "许可内容": "XK_NR"}
    cells = licence_row(1)
    for new, old in camel.items():
        cells[new] = cells.pop(old)
    outcome = normalise(a_row(cells), CONTEXT)
    assert isinstance(outcome, CreditEvent)
    assert outcome.content == archived().content


def test_trap_13_a_persons_number_in_free_text_is_hidden_and_said_so() -> None:
    event = archived(
        XK_NR=f"准予张某（{PERSON_NUMBER}）取水", BZ=f"{PERSON_NUMBER[:6]} {PERSON_NUMBER[6:14]} {PERSON_NUMBER[14:]}"
    )
    assert PERSON_NUMBER not in event.to_bytes().decode()
    assert event.data["remarks"] == "[证件号码已隐去]"
    assert warned(event) >= {"person-number-masked"}


def test_trap_14_a_correction_has_the_same_number_and_another_content() -> None:
    corrected = archived(XK_NR="准予取用地表水。")
    assert corrected.folded_number == archived().folded_number
    assert corrected.content != archived().content


@pytest.mark.requirement("R050")
def test_persons_columns_are_dropped_and_come_back_blank() -> None:
    secrets = {"XK_FRDB": "张某某", "XK_FR_ZJHM": PERSON_NUMBER, "XK_FR_ZJLX": "身份证"}
    assert not [v for v in secrets.values() if v in archived(**secrets).to_bytes().decode()]
    body = quarantined(**secrets, XK_NR="").body
    assert [body[header] for header in secrets] == ["", "", ""]
    assert body["XK_WSH"] == "演水许〔2026〕1号"


@pytest.mark.requirement("R242")
@pytest.mark.parametrize(
    ("feed", "changes"),
    [
        ("licence-2018", {"XK_XDR_LB": "自然人", "XK_XDR_SHXYM": "", "XK_XDR_ZJHM": PERSON_NUMBER}),
        ("licence-2018", {"XK_XDR_LB": "01"}),
        ("licence-2018", {"XK_XDR_LB": "", "XK_XDR_SHXYM": "", "XK_XDR_ZJHM": "H12345678"}),
        ("licence-2018", {"XK_XDR_SHXYM": "", "XK_XDR_ZJHM": PERSON_NUMBER}),
        ("judgment-debtor", {"partyTypeName": "0"}),
        ("judgment-debtor", {"partyTypeName": "", "cardNum": "", "age": "45"}),
    ],
)
def test_a_natural_persons_row_is_refused_with_its_number_and_nothing_else(feed: str, changes: dict[str, str]) -> None:
    outcome = quarantined(feed, **changes, **({"XK_NR": ""} if feed == "licence-2018" else {}))
    assert [(r.code, r.field, r.value) for r in outcome.reasons] == [("person-data-refused", None, None)]
    assert outcome.body == {}


@pytest.mark.parametrize("header", sorted(licence_row(1)))
def test_a_persons_number_is_found_in_no_outcome_whatever_its_column(header: str) -> None:
    for written in (
        PERSON_NUMBER,
        f"张某{PERSON_NUMBER[:6]}-{PERSON_NUMBER[6:14]}-{PERSON_NUMBER[14:]}",
        "110101900307123",
    ):
        for others in ({}, {"XK_NR": ""}):
            outcome = normalise(a_row(row(**(others | {header: written}))), CONTEXT)
            told = repr(outcome)
            assert not [part for part in (written, PERSON_NUMBER[6:14], "900307123") if part in told], (header, told)


def test_a_persons_number_in_a_header_or_an_unknown_column_is_found_nowhere() -> None:
    cells = row(XK_NR="") | {f"张某{PERSON_NUMBER}": "x", "陌生列": PERSON_NUMBER}
    assert PERSON_NUMBER not in repr(normalise(a_row(cells), CONTEXT))


def test_a_document_number_with_a_recent_date_is_no_persons_number() -> None:
    first = "13082220260105001"
    serial = first + citizen_check(first)
    assert archived(XK_WSH=serial).document["number"] == serial
    assert archived(XK_XKBH=serial).data["licence"]["certificate_number"] == serial


def test_a_declared_registration_number_stays_though_it_reads_like_a_birth_date() -> None:
    number = registration_number(45010100)
    assert archived(XK_XDR_GSZC=number).legacy == (("registration_number", number),)
    assert quarantined(XK_XDR_GSZC=number, XK_NR="").body["XK_XDR_GSZC"] == number


@pytest.mark.requirement("R012")
def test_an_old_tax_number_yields_the_organisation_code_and_a_name_alone_waits() -> None:
    event = archived(XK_XDR_SHXYM="", XK_XDR_SWDJ=taxpayer_number(1))
    assert (event.unified_code, event.organisation_code) == (None, organisation_code(1))
    alone = archived(XK_XDR_SHXYM="")
    assert (alone.organisation_code, alone.legacy) == (None, ())
    assert "subject-without-identifier" in warned(alone)


def test_a_unified_code_in_another_column_is_used_as_what_it_is() -> None:
    event = archived(XK_XDR_SHXYM="", XK_XDR_SWDJ=unified_code(1))
    assert event.unified_code == unified_code(1)
    assert "identifier-in-other-column" in warned(event)
    assert refused(XK_XDR_SWDJ=unified_code(2)) == {("XK_XDR_SWDJ", "identifiers-disagree")}


@pytest.mark.parametrize(
    ("written", "scheme"),
    [(unified_code(1), "unified_code"), (organisation_code(1), "organisation_code")],
)
def test_a_debtors_number_is_told_by_its_length(written: str, scheme: str) -> None:
    assert archived("judgment-debtor", cardNum=written).data["subject"][scheme] == written
    assert refused("judgment-debtor", cardNum="1101011949****0005") == {("cardNum", "masked-identifier")}
    assert refused("judgment-debtor", cardNum="110101900307123") == {("cardNum", "person-number-in-field")}


@pytest.mark.requirement("R052")
def test_every_fault_of_a_row_is_reported_with_field_value_code_and_hint() -> None:
    wrong = unified_code(1).replace("0", "O", 1)
    outcome = quarantined(XK_XDR_SHXYM=wrong, XK_WSH="", XK_JDRQ="46027", XK_XKLB="特别许可", XK_XKJG="甲\u202e乙")
    assert {(r.field, r.code, r.hint) for r in outcome.reasons} == {
        ("XK_XDR_SHXYM", "CHARSET@5", unified_code(1)),
        ("XK_WSH", "required-missing", None),
        ("XK_JDRQ", "date-unreadable", "2026-01-05"),
        ("XK_XKLB", "enumeration-unknown", "普通、特许、认可、核准、登记、其他"),
        ("XK_XKJG", "characters-not-allowed", None),
        ("XK_XDR_SHXYM", "subject-without-identifier", None),
    }
    assert next(r.value for r in outcome.reasons if r.field == "XK_JDRQ") == "46027"


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"XK_YXQZI": "2025-01-01"}, "XK_YXQZI", "dates-reversed"),
        ({"XK_JDRQ": "2026-12-30"}, "XK_JDRQ", "date-in-future"),
        ({"XK_JDRQ": "1026-01-05"}, "XK_JDRQ", "date-implausible"),
        ({"XK_XDR_MC": "12345"}, "XK_XDR_MC", "name-implausible"),
        ({"XK_WSH": "〔〕"}, "XK_WSH", "document-number-implausible"),
        ({"XK_WSH": "长" * 65}, "XK_WSH", "too-long"),
        ({"许可内容": "另一内容"}, "XK_NR", "column-ambiguous"),
        ({"XK_XDR_LB": "外星组织"}, "XK_XDR_LB", "enumeration-unknown"),
    ],
)
def test_what_is_wrong_is_named_at_its_column(changes: dict[str, str], field: str, code: str) -> None:
    assert refused(**changes) == {(field, code)}


def test_lengths_from_memory_warn_and_words_of_a_closed_list_from_memory_are_dropped() -> None:
    assert "longer-than-usual" in {
        r.code
        for r in normalise(a_row(row(BZ="长" * 513)), CONTEXT).warnings  # type: ignore[union-attr]
    }
    event = archived(XK_ZT="9")
    assert "status" not in event.data["licence"]
    assert warned(event) == {"enumeration-unconfirmed"}


def test_a_missing_column_is_missing_in_every_row_under_its_chinese_name() -> None:
    cells = licence_row(1)
    del cells["XK_NR"]
    outcome = normalise(a_row(cells), CONTEXT)
    assert isinstance(outcome, Quarantine)
    assert [(r.field, r.code) for r in outcome.reasons] == [("许可内容", "required-missing")]


@pytest.mark.requirement("R022")
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"allowed_items": ["penalty"]}, "owner-not-allowed"),
        ({"mapping": "99"}, "mapping-unknown"),
        ({"body": {"feed": "nobody", "cells": {}}}, "mapping-unknown"),
    ],
)
def test_what_the_catalogue_or_the_stamp_forbids_is_refused(changes: dict[str, Any], code: str) -> None:
    outcome = normalise(a_row(licence_row(1), **changes), CONTEXT)
    assert isinstance(outcome, Quarantine)
    assert [reason.code for reason in outcome.reasons] == [code]


def test_the_same_row_always_gives_the_same_outcome() -> None:
    assert archived().to_bytes() == archived().to_bytes()
    assert quarantined(XK_NR="") == quarantined(XK_NR="")
