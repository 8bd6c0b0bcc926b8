"""Understands which codes are sound: the twenty of the domain notes, and what no single slip may get past."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc
from stdnum.iso7064 import mod_11_10, mod_37_36

from credithub.domain.checkdigits import USC_CHARACTERS, mod_11_10_check, mod_37_36_check, organisation_check, usc_check
from credithub.domain.codes import SCHEMES, judge, organisation_code_of, partition_identifier

pytestmark = pytest.mark.unit

VALID = [
    "11100000PDY900018D",
    "12110000PDY9000269",
    "13100000PDY900034W",
    "31310000PDY900042D",
    "51330100PDY900050K",
    "52440300PDY900069J",
    "91130800PDY900077X",
    "92510100PDY9000854",
    "N2410100PDY900093T",
    "Y1650100PDY9001069",
]
INVALID = {
    "91130800PDY900077": "LENGTH",
    "91130800PDI900077X": "CHARSET@11",
    "91130800PDO900077X": "CHARSET@11",
    "91130800PDZ9000790": "CHARSET@11",
    "91130800PDY900077Y": "USC_CHECK",
    "91130800PDY900071B": "ORG_CHECK",
    "94130800PDY900077L": "CATEGORY",
    "01130800PDY9000777": "REGISTRAR",
    "91990000PDY9000773": "DIVISION_UNKNOWN",
    "000000000000000000": "PLACEHOLDER",
    "9113A800PDY900077R": "DIVISION_FORMAT",
    "00000000000000000X": "PLACEHOLDER",
}


def codes(scheme: str, raw: str) -> list[str]:
    return [reason.code for reason in judge(scheme, raw).reasons]


def unified(number: int, head: str = "91130822") -> str:
    body = f"PDY{number:05d}"
    first = head + body + organisation_check(body)
    return first + usc_check(first)


pdy = st.builds(unified, st.integers(1, 99999), st.sampled_from(["91130822", "12110000", "N2410100", "52440300"]))


@pytest.mark.requirement("R002")
@pytest.mark.parametrize("code", VALID)
def test_each_valid_code_of_the_notes_is_accepted_as_it_is(code: str) -> None:
    verdict = judge("unified_code", code)
    assert (verdict.value, verdict.reasons, verdict.changed) == (code, (), False)
    assert codes("organisation_code", organisation_code_of(code)) == []


@pytest.mark.requirement("R001")
@pytest.mark.parametrize(("code", "reason"), INVALID.items())
def test_each_invalid_code_of_the_notes_has_exactly_its_reason(code: str, reason: str) -> None:
    verdict = judge("unified_code", code)
    assert [each.code for each in verdict.reasons] == [reason]
    assert verdict.value is None
    assert verdict.missing == (reason == "PLACEHOLDER")


def test_the_oracle_agrees_about_every_valid_code_but_the_registrars_it_does_not_know() -> None:
    for code in VALID:
        assert uscc.is_valid(code) == (code[0] not in "ANY")


@given(pdy.filter(lambda code: code[0] not in "ANY"))
def test_what_we_accept_the_oracle_accepts(code: str) -> None:
    assert judge("unified_code", code).value == code
    assert uscc.is_valid(code)


@pytest.mark.requirement("R005")
@given(pdy, st.integers(0, 17), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*#"))
def test_every_single_wrong_character_is_caught(code: str, place: int, character: str) -> None:
    wrong = code[:place] + character + code[place + 1 :]
    verdict = judge("unified_code", wrong)
    assert (verdict.value == code) == (wrong == code)
    assert wrong == code or verdict.value is None


@given(pdy, st.integers(0, 16))
def test_every_swap_of_neighbours_is_caught(code: str, place: int) -> None:
    swapped = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert swapped == code or judge("unified_code", swapped).value is None


@pytest.mark.requirement("R015")
@given(st.sampled_from(SCHEMES), st.text(max_size=40))
def test_no_text_whatever_breaks_the_judge(scheme: str, raw: str) -> None:
    verdict = judge(scheme, raw)
    assert verdict.value is None or judge(scheme, verdict.value).value == verdict.value


@given(st.text("0123456789", min_size=14, max_size=14))
def test_our_check_digits_are_those_of_the_oracle(digits: str) -> None:
    assert mod_11_10.is_valid(digits + mod_11_10_check(digits))
    assert mod_37_36.is_valid("G" + digits + mod_37_36_check("G" + digits))


@pytest.mark.parametrize(
    "raw",
    ["９１１３０８００PDY900077X", " 91130800pdy900077x ", "91130800-PDY90007-7X", "9113 0800 PDY9 0007 7X\u200b"],
)
def test_what_a_code_looks_like_is_normalised_and_said_so(raw: str) -> None:
    verdict = judge("unified_code", raw)
    assert verdict.value == "91130800PDY900077X"
    assert verdict.changed


@pytest.mark.parametrize("raw", ["", " ", "-", "— —", "暂无", "nan", "NULL", "null", "\u200b"])
def test_a_mark_for_nothing_is_missing_without_a_reason(raw: str) -> None:
    verdict = judge("unified_code", raw)
    assert verdict.missing
    assert verdict.reasons == ()


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("raw", ["0" * 9, "0" * 12, "0" * 15, "0" * 18, "０" * 18, "0" * 17 + "X", "1" * 15])
def test_a_placeholder_is_missing_in_every_scheme(scheme: str, raw: str) -> None:
    assert judge(scheme, raw).missing
    assert codes(scheme, raw) == ["PLACEHOLDER"]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("9113O800PDY900077X", "91130800PDY900077X"),
        ("9II30800PDY900077X", None),
        ("9I130800PDY900077X", "91130800PDY900077X"),
        ("91130800PDY9000Z6O", None),
        ("S2440300PDY900069J", "52440300PDY900069J"),
        ("91130800PDI900077X", None),
    ],
)
def test_a_look_alike_is_offered_only_if_exactly_one_exchange_passes_and_never_applied(
    wrong: str, right: str | None
) -> None:
    verdict = judge("unified_code", wrong)
    assert verdict.value is None
    assert verdict.hint == right
    assert all(reason.hint == right for reason in verdict.reasons)


def test_two_faults_of_one_code_are_both_told() -> None:
    assert codes("unified_code", "04990000PDY900071A")[:2] == ["REGISTRAR", "DIVISION_UNKNOWN"]
    assert {"ORG_CHECK", "USC_CHECK"} <= set(codes("unified_code", "04990000PDY900071A"))


def test_an_abolished_division_is_a_warning_because_a_code_never_changes() -> None:
    old = unified(77, "91110103")
    assert judge("unified_code", old).value == old
    assert codes("unified_code", old) == ["DIVISION_OBSOLETE"]


def test_a_county_the_table_does_not_name_is_accepted_in_a_known_province() -> None:
    assert judge("unified_code", unified(8, "91139999")).value is not None


@pytest.mark.requirement("R008")
@pytest.mark.parametrize("number", ["110108000123459", "130800000000016", "990000000000179"])
def test_a_registration_number_needs_its_check_digit(number: str) -> None:
    assert judge("registration_number", number).value == number
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert codes("registration_number", wrong) == ["REGISTRATION_CHECK"]
    assert codes("registration_number", number[:13]) == ["LENGTH"]
    assert codes("registration_number", number[:14] + "A") == ["CHARSET@15"]


@pytest.mark.requirement("R007", "R009", "R010")
@pytest.mark.parametrize(
    ("scheme", "raw", "value"),
    [
        ("organisation_code", "PDY90007-7", "PDY900077"),
        ("taxpayer_number", "130822PDY900077", "130822PDY900077"),
        ("institution_number", "事证第213082200001号", "213082200001"),
        ("institution_number", "213082200001", "213082200001"),
        ("social_organisation_number", " 冀社证字第００01号", "冀社证字第0001号"),
        ("institution_credit_code", "G1013082200000101" + mod_37_36_check("G1013082200000101"), None),
    ],
)
def test_each_old_code_is_accepted_in_its_own_form(scheme: str, raw: str, value: str | None) -> None:
    assert judge(scheme, raw).value == (value or raw)


@pytest.mark.parametrize(
    ("scheme", "raw", "reason"),
    [
        ("organisation_code", "PDY900078", "ORG_CHECK"),
        ("organisation_code", "PDY90007", "LENGTH"),
        ("organisation_code", "PDY9#0077", "CHARSET@5"),
        ("taxpayer_number", "130822PDY900078", "ORG_CHECK"),
        ("taxpayer_number", "990822PDY900077", "DIVISION_UNKNOWN"),
        ("institution_number", "21308220000", "LENGTH"),
        ("institution_number", "21308220000A", "CHARSET@12"),
        ("institution_credit_code", "G10130822000001019", "INSTITUTION_CHECK"),
        ("institution_credit_code", "11013082200000101X", "CHARSET@1"),
        ("social_organisation_number", "号", "LENGTH"),
    ],
)
def test_each_old_code_is_refused_with_its_reason(scheme: str, raw: str, reason: str) -> None:
    assert reason in codes(scheme, raw)


@pytest.mark.requirement("R011")
def test_a_code_of_another_scheme_is_recognised_by_its_check_and_pointed_to() -> None:
    assert judge("unified_code", "Y1100000123456788U").value == "Y1100000123456788U"
    verdict = judge("institution_credit_code", "Y1100000123456788U")
    assert ([reason.code for reason in verdict.reasons], verdict.hint) == (["SCHEME_AMBIGUOUS"], "unified_code")
    assert judge("taxpayer_number", "91130800PDY900077X").hint == "unified_code"


@pytest.mark.parametrize("scheme", [scheme for scheme in SCHEMES if scheme != "registration_number"])
@pytest.mark.parametrize("number", ["110101199003077758", "１１０１０１１９９００３０７７７５８", "110101900307123"])
def test_a_persons_number_is_named_and_never_echoed(scheme: str, number: str) -> None:
    verdict = judge(scheme, number)
    assert [reason.code for reason in verdict.reasons] == ["person-number-in-field"]
    assert "9003" not in repr(verdict).replace("９", "9")


@pytest.mark.requirement("R004")
def test_old_numbers_and_new_ones_of_a_subject_share_their_partition() -> None:
    assert partition_identifier({"unified_code": "91130800PDY900077X"}) == ("organisation_code", "PDY900077")
    assert partition_identifier({"organisation_code": "PDY900077"}) == ("organisation_code", "PDY900077")
    assert partition_identifier({"taxpayer_number": "130822PDY900077"}) == ("organisation_code", "PDY900077")
    other = {"unified_code": None, "registration_number": "130800000000016"}
    assert partition_identifier(other) == ("registration_number", "130800000000016")
    assert partition_identifier({}) is None


def test_the_character_set_leaves_out_five_letters() -> None:
    assert set("ABCDEFGHIJKLMNOPQRSTUVWXYZ") - set(USC_CHARACTERS) == set("IOSVZ")
