"""Understands what an entry on a list is held to before the archive is asked, and on which grounds nothing is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from credithub.domain.reasons import REASONS
from tests.unit.ingest.judging import changed, example, refused, taken

MARKET = "serious-dishonesty-market"


def entry(name: str = "market", **changes: Any) -> dict[str, Any]:
    return example("list.entered", name, **changes)


def test_an_entry_with_everything_it_is_held_to_is_taken() -> None:
    event = taken("list.entered", entry())
    assert (event.item, event.role, event.target) == (MARKET, "entry", None)
    assert event.data["listing"]["measures"] == ["P33-R01"]


@pytest.mark.requirement("R133", "R145")
@pytest.mark.parametrize("unknown", ["serious-dishonesty-queueing", "penalty", "judgment-debtor"])
def test_nobody_is_entered_on_a_list_that_is_not_in_the_catalogue_or_not_entered_that_way(unknown: str) -> None:
    found = refused(
        "list.entered", entry(listing__type=unknown), "spc-130822" if "debtor" in unknown else "samr-130822"
    )
    assert "list-type-unknown" in {code for code, _ in found}


@pytest.mark.requirement("R130")
def test_nobody_is_entered_on_a_list_of_third_parties() -> None:
    found = refused("list.entered", entry("abnormal", listing__type="third-party"), "ndrc-130822")
    assert found == {("list-type-reference-only", "listing.type")}


@pytest.mark.requirement("R142")
def test_nobody_is_entered_on_a_list_after_it_was_abolished_or_before_it_was_opened() -> None:
    late = entry("abnormal", listing__type="ecommerce-blacklist")
    assert ("list-type-not-in-force", "listing.type") in refused("list.entered", late, "ndrc-130822")
    early = entry(listing__listed_on="2021-08-31", document__decided_on="2021-08-31", listing__until=...)
    assert ("list-type-not-in-force", "listing.type") in refused("list.entered", early)


@pytest.mark.requirement("R133", "R134", "R131")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"listing__basis": ...}, "listing.basis"),
        ({"listing__basis__document": "某区某街道通知"}, "listing.basis.document"),
        ({"listing__basis__document": "发改财金〔2016〕2794号"}, "listing.basis.document"),  # ranks too low
        ({"listing__basis__document": "发改办财金〔2019〕527号"}, "listing.basis.document"),  # and ended
    ],
)
def test_an_entry_cites_a_document_of_the_catalogue_that_holds(changes: dict[str, Any], field: str) -> None:
    assert refused("list.entered", entry(**changes)) == {("listing-basis-missing", field)}


@pytest.mark.requirement("R134")
def test_a_document_that_was_not_in_force_on_the_day_of_listing_is_no_basis() -> None:
    ended = changed(documents={"国家市场监督管理总局令第44号": {"valid_to": "2026-11-10"}})
    assert refused("list.entered", entry(), catalogue=ended) == {("listing-basis-missing", "listing.basis.document")}


@pytest.mark.requirement("R139")
@pytest.mark.parametrize("part", ["grounds", "measures", "removal_conditions", "removal_procedure", "remedies"])
def test_an_entry_states_each_of_its_parts(part: str) -> None:
    missing = {("listing-part-missing", f"listing.{part}")}
    assert refused("list.entered", entry(**{f"listing__{part}": ...})) == missing
    assert refused("list.entered", entry(**{f"listing__{part}": [] if part == "measures" else "　"})) == missing


@pytest.mark.requirement("R138")
def test_an_entry_names_the_notice_that_was_given_before_it() -> None:
    found = refused("list.entered", entry(listing__notice_number=...))
    assert found == {("listing-notice-missing", "listing.notice_number")}


@pytest.mark.requirement("R140")
def test_an_office_below_the_county_enters_nobody_on_a_list() -> None:
    assert refused("list.entered", entry(listing__level="township")) == {("listing-level-too-low", "listing.level")}


@pytest.mark.requirement("R140")
def test_a_list_that_a_province_keeps_is_not_a_countys_to_enter_anybody_on() -> None:
    drug = entry(listing__type="serious-dishonesty-drug", listing__level=...)
    assert refused("list.entered", drug, "nmpa-130800") == {("listing-level-too-low", "listing.level")}
    taken("list.entered", drug, "nmpa-130000")
    says_county = drug | {"listing": drug["listing"] | {"level": "county"}}
    assert refused("list.entered", says_county, "nmpa-130000") == {("listing-level-too-low", "listing.level")}


@pytest.mark.requirement("R099", "R095")
def test_a_measure_that_is_on_no_list_cannot_be_announced() -> None:
    found = refused("list.entered", entry(listing__measures=["P33-R01", "从严从重处理"]))
    assert found == {("measure-outside-list", "listing.measures.1")}


def test_everything_that_is_missing_is_named_at_once() -> None:
    bare = entry(listing__basis=..., listing__remedies=..., listing__notice_number=..., listing__level="township")
    assert refused("list.entered", bare) == {
        ("listing-basis-missing", "listing.basis"),
        ("listing-part-missing", "listing.remedies"),
        ("listing-notice-missing", "listing.notice_number"),
        ("listing-level-too-low", "listing.level"),
    }


@pytest.mark.requirement("R132", "R143")
@pytest.mark.parametrize("kind", ["focus", "abnormal-operation"])
def test_a_list_that_demands_less_is_held_to_less(kind: str) -> None:
    least = entry("abnormal", listing__type=kind, listing__remedies=..., listing__grounds=...)
    taken("list.entered", least)
    assert refused("list.entered", least | {"listing": {"type": kind, "listed_on": "2026-11-10"}}) == {
        ("listing-basis-missing", "listing.basis")
    }


@pytest.mark.requirement("R138")
def test_a_notice_tells_facts_basis_and_rights() -> None:
    for part in ("facts", "basis", "rights"):
        found = refused("list.notice-given", example("list.notice-given", "market", **{f"listing__{part}": ...}))
        assert found == {("required-missing", f"listing.{part}")}
    assert taken("list.notice-given", example("list.notice-given", "market")).role == "notice"


def test_one_leaves_a_list_for_a_reason_of_its_type() -> None:
    event = taken("list.removed", example("list.removed", "repaired"))
    assert (event.item, event.role) == (MARKET, "exit")
    found = refused("list.removed", example("list.removed", "repaired", removal__reason="paid"))
    assert found == {("enumeration-unknown", "removal.reason")}


def test_a_courts_list_has_its_own_way_on() -> None:
    taken("judgment-debtor.listed", example("judgment-debtor.listed", "company"), "spc-130822")


@pytest.mark.requirement("R214", "R317", "R318", "R319")
@pytest.mark.parametrize(
    ("ground", "code"), [("force-majeure", "tolerated"), ("minor", "minor"), ("slight", None), ("unintended", None)]
)
@pytest.mark.parametrize("kind", ["penalty.imposed", "list.entered", "judgment-debtor.listed"])
def test_a_ground_for_tolerance_has_the_effect_that_the_catalogue_says(
    kind: str, ground: str, code: str | None
) -> None:
    name = {"penalty.imposed": "fine", "list.entered": "market", "judgment-debtor.listed": "company"}[kind]
    data = example(kind, name) | {"tolerance": {"ground": ground, "text": "（演示）"}}
    supplier = "spc-130822" if kind.startswith("judgment") else "samr-130822"
    if code is None:
        assert taken(kind, data, supplier).data["tolerance"]["ground"] == ground
    else:
        assert refused(kind, data, supplier) == {(code, "tolerance.ground")}


@pytest.mark.requirement("R318")
def test_what_a_ground_leads_to_is_data() -> None:
    lenient = changed(tolerance={"slight": {"record": False}, "force-majeure": {"record": True}})
    slight = example("penalty.imposed", "slight-and-corrected")
    assert refused("penalty.imposed", slight, catalogue=lenient) == {("tolerated", "tolerance.ground")}
    storm = slight | {"tolerance": {"ground": "force-majeure", "text": "洪灾"}}
    taken("penalty.imposed", storm, catalogue=lenient)


def test_every_refusal_names_its_clause() -> None:
    for code in ("listing-basis-missing", "listing-notice-missing", "listing-part-missing", "listing-level-too-low"):
        assert "国办发〔2020〕49号" in REASONS[code].do_zh
        assert "国办发〔2020〕49号" in REASONS[code].do_en
