"""Understands which numbers in a text name a person and must be hidden, and which must stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import ric

from credithub.domain.checkdigits import citizen_check, mod_11_10_check
from credithub.domain.persons import HIDDEN, contains_person_number, is_citizen_18, mask, pseudonym
from credithub.domain.text import fold_document_number

pytestmark = pytest.mark.unit

NUMBER = "110101199003077758"  # invented


def citizen(year: int, month: int, day: int, order: int, place: str = "130822") -> str:
    first = f"{place}{year}{month:02d}{day:02d}{order:03d}"
    return first + citizen_check(first)


numbers = st.builds(citizen, st.integers(1900, 2020), st.integers(1, 12), st.integers(1, 28), st.integers(0, 999))


@pytest.mark.parametrize(
    "written",
    [
        NUMBER,
        "1101 0119 9003 0777 58",
        "110101-19900307-7758",
        "110101—19900307—7758",
        "１１０１０１１９９００３０７７７５８",
        "11010119900\u200b3077758",
        "1 1 0 1 0 1 1 9 9 0 0 3 0 7 7 7 5 8",
        "11010519491231002X",
        "11010519491231002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        "110101900307123",
        "110101 900307 123",
        "١١٠١٠١١٩٩٠٠٣٠٧٧٧٥٨",
    ],
)
@pytest.mark.parametrize("around", ["{}", "张某，{}，住某村", "身份证{}号", "（{}）", "{}/{}", "ID:{}."])
def test_a_citizen_number_is_hidden_however_it_is_written(written: str, around: str) -> None:
    assert mask(around.format(written, written)) == around.format(HIDDEN, HIDDEN)


before = st.sampled_from(["", "电话13800138000，", "共3人 ", "13800138000 "])
after = st.sampled_from(["", " 13800138000"])


@given(numbers, before, after)
def test_its_neighbours_do_not_protect_it(number: str, before: str, after: str) -> None:
    assert mask(before + number + after) == before + HIDDEN + after


@given(numbers)
def test_what_is_hidden_is_a_number_by_the_oracle_too(number: str) -> None:
    assert is_citizen_18(number)
    assert ric.calc_check_digit(number) == number[17]


@pytest.mark.parametrize(
    "text",
    [
        "统一社会信用代码91130800PDY900077X",
        "注册号110108000123459",
        "注册号130800000000016，法定代表人",
        "罚款2000元，没收1234567.89元",
        "电话0314-5051234、13800138000",
        "〔2026〕第123456号",
        "2018-07-25 至 2099-12-31 共 12 件",
        "订单20260105123456789",
        "账号6222020200112233446",
        "911300001234567890",
        "",
        "无",
    ],
)
def test_codes_amounts_phones_and_document_numbers_stay(text: str) -> None:
    assert mask(text) == text
    assert not contains_person_number(text)


def test_a_number_called_a_registration_number_stays_when_its_check_digit_holds() -> None:
    both = "13082245010100" + mod_11_10_check(
        "13082245010100"
    )  # a plausible birth date and a right MOD 11,10 check digit
    assert mask(f"工商注册号{both}") == f"工商注册号{both}"
    assert mask(f"张某{both}") == f"张某{HIDDEN}"


def test_a_mistyped_number_is_hidden_where_the_text_says_what_it_is() -> None:
    wrong = NUMBER[:-1] + "9"
    assert mask(f"身份证号：{wrong}") == f"身份证号：{HIDDEN}"
    assert mask(f"编号：{wrong}") == f"编号：{wrong}"


def test_a_serial_number_with_a_recent_date_is_no_person_where_the_birth_year_is_bounded() -> None:
    serial = citizen(2024, 3, 1, 12)
    assert contains_person_number(serial)
    assert not contains_person_number(serial, born_until=2012)


@pytest.mark.requirement("R018")
def test_a_pseudonym_is_the_same_for_the_old_and_new_form_and_differs_by_key() -> None:
    assert pseudonym(b"k", "110101900307775") == pseudonym(b"k", NUMBER)
    assert pseudonym(b"k", "１１０１０１-19900307-7758") == pseudonym(b"k", NUMBER)
    assert pseudonym(b"k", NUMBER) != pseudonym(b"other", NUMBER)
    assert NUMBER not in pseudonym(b"k", NUMBER)


@given(st.text(max_size=200))
def test_any_text_can_be_masked_and_masking_again_changes_nothing(text: str) -> None:
    assert mask(mask(text)) == mask(text)
    fold_document_number(text)
