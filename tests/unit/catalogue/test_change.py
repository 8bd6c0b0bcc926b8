"""Understands what a new version ends and adds, decided row by row: the same rule for preview and sweep."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from credithub.domain.calendar import WorkingDays
from credithub.domain.catalogue import Catalogue, from_json
from credithub.domain.catalogue.change import Change, Duty, calls_upon, changes_criteria, differences, standing_plans
from credithub.domain.catalogue.layers import Edition
from credithub.domain.catalogue.preview import Group, Pair, Preview
from credithub.domain.durations import last_day
from tests.unit.catalogue.shelf import agencies, content, row, shipped

ON = date(2026, 12, 1)
OFFICES = agencies(["mof-130822", "gacc-130822", "safe-130822", "mnr-130822", "moj-130000"])
DEBTOR = ("judgment-debtor", "judgment-debtor.listed")
pytestmark = pytest.mark.requirement("R100", "R101")


def changed(**manifest: Any) -> dict[str, Any]:
    made = content()
    made["manifest"] |= {"version": "2026-next.1", **manifest}
    return made


def change(made: dict[str, Any], before: Catalogue | None = None, **named: Any) -> Change:
    after = Edition(national=from_json(made))
    older = before or shipped()
    values: dict[str, Any] = {
        "before": Edition(national=older), "at": after, "after": after, "on": ON, "agencies": OFFICES,
        "known": {older.version: older, after.national.version: after.national},
    }  # fmt: skip
    return Change(**(values | named))


def duty(measure: str, department: str, **named: Any) -> Duty:
    values: dict[str, Any] = {
        "item": "judgment-debtor", "measure": measure, "department": department, "catalogue": shipped().version,
        "seat": "130822", "kind": "organisation",
    }  # fmt: skip
    return Duty(**(values | named))


def drop(made: dict[str, Any], measure: str) -> None:
    row(made, "measures", measure).update(executable=False, because="not-bound", triggers=[])


def test_the_same_catalogue_again_ends_nothing_and_adds_nothing() -> None:
    same = change(changed())
    assert all(
        same.ends(duty(measure.id, department)) is None
        for measure, department in shipped().measures_for("judgment-debtor")
    )
    assert same.adds(*DEBTOR, "130822", "organisation") == ()


def test_a_pair_that_is_executable_no_more_ends_and_its_neighbours_stand() -> None:
    made = changed()
    drop(made, "P64-27")
    row(made, "measures", "P64-12")["departments"].remove("mof")
    after = change(made)
    assert after.ends(duty("P64-27", "gacc")) == "not-executable"
    assert after.ends(duty("P64-12", "mof")) == "not-executable"
    assert after.ends(duty("P64-06", "safe")) is None


def test_a_measure_that_reaches_another_item_or_kind_of_subject_only_ends_for_this_one() -> None:
    made = changed()
    row(made, "measures", "P64-27")["triggers"] = ["penalty"]
    row(made, "measures", "P64-06")["applies_to"] = ["organisation"]
    after = change(made)
    assert after.ends(duty("P64-27", "gacc")) == "not-executable"
    assert after.ends(duty("P64-27", "gacc", item="penalty")) is None
    assert after.ends(duty("P64-06", "safe", kind="sole-trader")) == "not-executable"
    assert after.ends(duty("P64-06", "safe")) is None


def test_an_obligation_of_a_department_that_was_succeeded_stands_with_its_successor() -> None:
    assert change(changed()).ends(duty("P64-03", "cbrc")) is None
    assert change(changed()).department(duty("P64-03", "cbrc")) == "nfra"


def test_a_document_that_has_ended_takes_along_what_rests_on_it_though_the_pair_goes_on_upon_another() -> None:
    made = changed()
    row(made, "documents", "国发〔2016〕33号")["valid_to"] = ON.isoformat()
    older = content()
    row(older, "measures", "P64-06")["citation"]["document"] = "国发〔2016〕33号"
    before = from_json(older)
    after = change(made, before)
    assert after.ends(duty("P64-06", "safe")) == "document-ended"
    assert after.ends(duty("P64-27", "gacc")) is None
    assert [plan.measure_id for plan in after.adds(*DEBTOR, "130822", "organisation")] == ["P64-06"]
    eve = change(made, before, on=ON - timedelta(days=1))
    assert eve.ends(duty("P64-06", "safe")) is None


def test_only_what_the_version_before_had_not_is_added_routed_by_the_seat() -> None:
    made = changed()
    row(made, "measures", "P64-27")["departments"].append("mnr")
    after = change(made)
    assert [(p.measure_id, p.agency) for p in after.adds(*DEBTOR, "130822", "organisation")] == [
        ("P64-27", "mnr-130822")
    ]
    assert [p.agency for p in after.adds(*DEBTOR, None, "organisation")] == [None]
    assert {p.catalogue for p in after.adds(*DEBTOR, "130822", "organisation")} == {"2026-next.1"}
    assert after.adds("penalty", "penalty.imposed", "130822", "organisation") == ()


def test_what_a_later_version_has_taken_back_is_not_added_by_a_turn_that_was_slept_through() -> None:
    made = changed()
    row(made, "measures", "P64-27")["departments"].append("mnr")
    slept = change(made, after=Edition(national=shipped()))
    assert slept.adds(*DEBTOR, "130822", "organisation") == ()


@pytest.mark.parametrize(
    ("item", "event", "opens"),
    [
        (*DEBTOR, True),
        ("judgment-debtor", "judgment-debtor.removed", False),
        ("judgment-debtor", "list.removed", False),
        ("judgment-debtor", "list.entered", True),
        ("penalty", "penalty.imposed", True),
        ("penalty", "record.corrected", False),
        ("unheard-of", "penalty.imposed", False),
    ],
)
def test_only_a_fact_or_an_entry_on_a_list_calls_upon_anyone(item: str, event: str, opens: bool) -> None:
    assert calls_upon(shipped(), item, event) is opens


def test_what_is_planned_under_an_older_version_leaves_out_what_rests_on_nothing_today() -> None:
    made = changed()
    drop(made, "P64-27")
    now = from_json(made)
    plans = standing_plans(shipped(), now, "judgment-debtor", "130822", OFFICES, "organisation", ON)
    every = {measure.id for measure, _ in shipped().measures_for("judgment-debtor")}
    assert every - {plan.measure_id for plan in plans} == {"P64-27"}


@pytest.mark.parametrize("unit", ["days", "months", "years", "working-days"])
def test_a_fact_may_have_begun_on_the_first_day_whose_term_reaches_today(unit: str) -> None:
    made = changed()
    term = {"number": 2, "unit": unit}
    row(made, "periods", "with-listing").update(maximum=term, starts="listing")
    row(made, "measures", "P64-27")["departments"].append("mnr")
    after = change(made)
    (plan,) = after.adds(*DEBTOR, "130822", "organisation")
    first = after.begun_from(plan, "130822")
    assert first is not None
    assert first in after.begun_days()
    catalogue = after.after.national
    period = catalogue.period("with-listing")
    assert period
    assert period.maximum
    days = WorkingDays(catalogue.calendar)
    assert last_day(first, period.maximum, days) >= ON > last_day(first - timedelta(days=1), period.maximum, days)


# ------------------------------------------------------------------------------------------------ counted
def test_a_preview_counts_groups_and_takes_off_who_has_one_already() -> None:
    made = changed()
    drop(made, "P64-06")
    row(made, "measures", "P64-27")["departments"].append("mnr")
    preview = Preview(change(made))
    gone, stays, has = duty("P64-06", "safe"), duty("P64-12", "mof"), duty("P64-27", "mnr")
    preview.held([(gone, 7), (stays, 5), (has, 2)])
    here, nowhere = Group(*DEBTOR, "130822", "organisation"), Group(*DEBTOR, None, "organisation")
    preview.active([(here, 0, 10), (nowhere, 0, 4)])
    assert preview.kept() == {has: "mnr"}
    preview.have_one([(here, "P64-27", "mnr", 0, 2)])
    assert preview.ends == {(Pair("judgment-debtor", "P64-06", "safe"), "not-executable"): 7}
    pair = Pair("judgment-debtor", "P64-27", "mnr")
    assert preview.makes == {(pair, True): 8, (pair, False): 4}
    assert preview.measures == ["P64-27"]


# ------------------------------------------------------------------------------------------------ compared
def test_versions_are_compared_row_by_row_and_field_by_field() -> None:
    made = changed()
    row(made, "measures", "P64-27")["due_working_days"] = 15
    made["effects"].append({**made["effects"][0], "code": "another"})
    made["decline_reasons"].pop()
    found = {(each.part, each.what): each for each in differences(shipped(), from_json(made))}
    assert set(found) == {
        ("manifest", "changed"),
        ("effects", "added"),
        ("measures", "changed"),
        ("decline_reasons", "removed"),
    }
    assert found["measures", "changed"].fields == ("due_working_days",)


def test_only_a_changed_list_asks_for_the_longer_comment() -> None:
    made = changed()
    row(made, "measures", "P64-27")["due_working_days"] = 15
    assert not changes_criteria(shipped(), from_json(made))
    made["list_types"][0]["remedy_zh"] += "。"
    assert changes_criteria(shipped(), from_json(made))
