"""Understands what is said for and against a name meaning a subject: facts a person weighs, no score among them."""

from __future__ import annotations

from typing import Any

import pytest

from credithub.domain.candidates import compare, core_of, likeness, pairs_of, windows_of
from credithub.domain.text import fold_name

ENTRY: dict[str, Any] = {"name": "兴隆县演示商贸有限公司", "division": "130822", "identifiers": []}
SUBJECT: dict[str, Any] = {
    "name": "兴隆县演示商贸有限公司", "seat": "130822", "registered": True, "status": "active", "identifiers": [],
}  # fmt: skip


def codes(entry: dict[str, Any], subject: dict[str, Any], alike: int = 1) -> tuple[list[str], list[str]]:
    found = compare(ENTRY | entry, SUBJECT | subject, alike=alike)
    return [said.code for said in found.speaks_for], [said.code for said in found.speaks_against]


@pytest.mark.parametrize(
    ("entry", "subject", "pros", "cons"),
    [
        ({}, {}, ["name-equal", "same-division", "registered"], []),
        ({"name": "兴隆县 演示商贸有限公司"}, {"seat": "440100"}, ["name-equal", "registered"], ["other-division"]),
        ({"division": "130800"}, {}, ["name-equal", "division-covers", "registered"], []),
        ({}, {"seat": None}, ["name-equal", "registered"], ["place-unknown"]),
        ({}, {"name": "燕山采石场"}, ["same-division", "registered"], ["name-different"]),
        ({}, {"name": None}, ["same-division", "registered"], ["name-different"]),
        ({}, {"name": "演示商贸"}, ["name-similar", "same-division", "registered"], ["name-different"]),
        ({}, {"registered": False}, ["name-equal", "same-division"], ["not-registered"]),
        ({}, {"status": "deregistered"}, ["name-equal", "same-division"], ["not-active"]),
    ],
)
def test_each_fact_is_said_on_its_side(
    entry: dict[str, Any], subject: dict[str, Any], pros: list[str], cons: list[str]
) -> None:
    assert codes(entry, subject) == (pros, cons)


def test_identifiers_speak_for_where_equal_and_against_where_they_differ() -> None:
    known = [{"scheme": "registration_number", "value": "1"}, {"scheme": "taxpayer_number", "value": "2"}]
    given = [("registration_number", "1"), ("taxpayer_number", "9"), ("institution_number", "3")]
    pros, cons = codes({"identifiers": given}, {"identifiers": known})
    assert ("identifier-equal" in pros, cons) == (True, ["identifier-differs"])


def test_a_name_that_several_have_is_said_to_be_shared() -> None:
    assert codes({}, {}, alike=3)[1] == ["name-shared"]


def test_a_core_leaves_out_the_place_and_the_form_of_company() -> None:
    assert core_of("河北省承德市兴隆县燕山建材有限责任公司") == "燕山建材"
    assert core_of("燕山建材（兴隆）有限公司") == "燕山建材"
    assert core_of("有限公司") == "有限公司"


def test_a_like_name_holds_one_of_the_windows_and_is_looked_at_first() -> None:
    wanted = "兴隆县燕山绿色建材有限公司"
    names = ["兴隆县燕山绿色建筑材料有限公司", "燕山石材厂", "兴隆县燕山绿色建材有限公司"]
    held = [any(set(window) <= pairs_of(fold_name(name)) for window in windows_of(wanted)) for name in names]
    assert held == [True, False, True]
    assert max(names, key=lambda name: likeness(wanted, name)) == wanted


@pytest.mark.parametrize("name", ["", "甲", "甲乙", "()", "县", "x" * 500])
def test_odd_names_are_compared_like_any_other(name: str) -> None:
    assert 0.0 <= likeness(name, "甲乙丙") <= 1.0
    assert len(windows_of(name)) <= 20
    compare(ENTRY | {"name": name}, SUBJECT)
