"""Understands that the catalogue gives what the hand-written examples say, no more and no less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from credithub.domain.catalogue import Catalogue
from credithub.domain.routing import obligations_for
from tests.unit.catalogue.shelf import EXAMPLES, ROOT, agencies, example, shipped, without

WHOLE = next(path for path in EXAMPLES if path.stem == "judgment-debtor-130822")


def given(told: dict[str, Any], catalogue: Catalogue) -> list[dict[str, str | None]]:
    planned = obligations_for(catalogue, told["item"], told["seat"], agencies(told["agencies"]), told["subject_kind"])
    return [
        {
            "measure": each.measure_id,
            "department": each.department,
            "agency": each.agency,
            "document": each.clause.document,
            "clause": each.clause.clause,
        }
        for each in planned
    ]


@pytest.mark.requirement("R083")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_case_gives_exactly_the_pairs_of_its_hand_written_example(path: Path) -> None:
    told = example(path)
    assert told["catalogue"] == shipped().version
    assert given(told, shipped()) == told["expected"]


def test_where_every_department_has_an_agency_there_are_81_pairs_of_35_measures_and_22_departments() -> None:
    pairs = given(example(WHOLE), shipped())
    assert len(pairs) == 81
    assert len({(pair["measure"], pair["agency"]) for pair in pairs}) == 81
    assert len({pair["measure"] for pair in pairs}) == 35
    assert len({pair["department"] for pair in pairs}) == 22


def test_the_agencies_shipped_for_trying_out_cover_every_pair_of_the_example() -> None:
    told = example(WHOLE)
    demo = example(ROOT / "credithub" / "demo" / "agencies.json")
    assert isinstance(demo, list)
    acting = [agency["id"] for agency in demo if "agency" in agency["roles"]]
    assert given({**told, "agencies": acting}, shipped()) == told["expected"]
    assert all(agency["demo"] and agency["name_zh"].endswith("（演示）") for agency in demo)


def test_the_demo_suppliers_may_report_what_they_are_given() -> None:
    for agency in example(ROOT / "credithub" / "demo" / "agencies.json"):
        assert agency["id"] == f"{agency['department']}-{agency['division']}"
        assert ("supplier" in agency["roles"]) == bool(agency["items"])
        assert all(shipped().may_report(agency["department"], item) for item in agency["items"])


@pytest.mark.parametrize("gone", ["P64-01", "P64-16", "P64-29", "P64-44"])
def test_taking_one_measure_out_changes_exactly_its_pairs(gone: str) -> None:
    told = example(WHOLE)
    left = [pair for pair in told["expected"] if pair["measure"] != gone]
    assert len(left) < 81
    assert given(told, without(gone)) == left


def test_every_obligation_explains_the_succession_it_rests_on() -> None:
    told = example(WHOLE)
    rules = {
        (each.measure_id, each.department): each.rule
        for each in obligations_for(shipped(), told["item"], told["seat"], agencies(told["agencies"]))
    }
    assert rules["P64-01", "nfra"] == "nearest-at-or-above-seat: 130822 → nfra-130800; cbrc, circ → nfra"
    assert rules["P64-40", "moj"] == "nearest-at-or-above-seat: 130822 → moj-130822"
