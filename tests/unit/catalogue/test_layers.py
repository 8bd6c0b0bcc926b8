"""Understands which catalogue holds where and when: national, with what is nearer added, from day to day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credithub.domain.catalogue import Catalogue, check, from_json
from credithub.domain.catalogue.layers import Edition, Loaded, Shelf, merged, named
from tests.unit.catalogue.shelf import content, row, shipped

SEATS = ["130822", "130803", "130800", "130000", "140100", "000000"]
pytestmark = pytest.mark.requirement("R024")


def local(division: str, measure: str, rank: str = "local-regulation", version: str = "") -> Catalogue:
    whole = content()
    empty: dict[str, Any] = {part: [] for part, rows in whole.items() if isinstance(rows, list)}
    document = {**whole["documents"][0], "id": f"条例{division}", "rank": rank}
    added = {**row(whole, "measures", "P64-27"), "id": measure}
    added["citation"] = {"document": document["id"], "clause": "一", "quote_zh": "可以"}
    manifest = whole["manifest"] | {"version": version or f"2026-l{division}.1", "layer": "local", "division": division}
    calendar = whole["calendar"]
    return from_json(empty | {"manifest": manifest, "calendar": calendar, "documents": [document], "measures": [added]})


def ids(catalogue: Catalogue) -> set[str]:
    return {measure.id for measure in catalogue.measures} - {measure.id for measure in shipped().measures}


@pytest.mark.parametrize(
    ("seat", "added"),
    [
        ("130822", {"HB-01", "CD-01"}),
        ("130803", {"HB-01", "CD-01"}),
        ("130000", {"HB-01"}),
        ("140100", set()),
        (None, set()),
    ],
)
def test_a_local_row_holds_in_its_division_and_below_alone(seat: str | None, added: set[str]) -> None:
    layers = [local("130800", "CD-01"), local("130000", "HB-01")]
    assert ids(merged(shipped(), layers, seat)) == added


def test_a_local_row_never_replaces_a_national_one_nor_a_nearer_one_a_wider() -> None:
    national = local("130000", "P64-27")
    assert merged(shipped(), [national], "130822").measure("P64-27") == shipped().measure("P64-27")
    wider, nearer = local("130000", "HB-01"), local("130800", "HB-01")
    both = merged(shipped(), [nearer, wider], "130822").measure("HB-01")
    assert both == wider.measure("HB-01")


@given(seat=st.sampled_from(SEATS))
def test_what_is_merged_says_by_its_name_of_what_it_is_made(seat: str) -> None:
    known = {each.version: each for each in (shipped(), local("130800", "CD-01"), local("130000", "HB-01"))}
    whole = merged(shipped(), [known["2026-l130800.1"], known["2026-l130000.1"]], seat)
    assert named(whole.version, known.__getitem__) == whole


@pytest.mark.requirement("R096")
def test_a_local_version_is_checked_with_the_national_one_and_its_rows_rest_on_a_local_regulation() -> None:
    assert check(local("130000", "HB-01"), shipped()) == []
    weak = check(local("130000", "HB-01", rank="ministry-policy"), shipped())
    assert {each.code for each in weak} == {"local-without-regulation", "citation-weak"}
    assert {each.id for each in weak} == {"HB-01"}
    alone = {each.code for each in check(local("130000", "HB-01"))}
    assert "reference-unknown" in alone  # its departments and items are the nation's


def test_a_national_row_cannot_rest_on_a_local_regulation() -> None:
    changed = content()
    row(changed, "documents", "中办发[2016]64号")["rank"] = "local-regulation"
    assert "citation-weak" in {each.code for each in check(from_json(changed))}


# ------------------------------------------------------------------------------------------------ from day to day
def loaded(day: str, version: str, place: int = 0, catalogue: Catalogue | None = None, **manifest: Any) -> Loaded:
    changed = content()
    changed["manifest"] |= {"version": version, **manifest}
    return Loaded(catalogue=catalogue or from_json(changed), effective_from=date.fromisoformat(day), place=place)


def versions(edition: Edition | None) -> tuple[str, ...]:
    return () if edition is None else (edition.national.version, *(each.version for each in edition.local))


def test_the_newest_version_of_each_layer_that_has_begun_is_in_force() -> None:
    layer, later = local("130000", "HB-01"), local("130000", "HB-02", version="2026-l130000.2")
    shelf = Shelf(
        (
            loaded("2026-01-01", "2026-a.1"),
            loaded("2026-06-01", "2026-b.1", 1),
            loaded("2026-03-01", layer.version, 2, layer),
            loaded("2026-07-01", later.version, 3, later),
        )
    )
    days = ["2025-12-31", "2026-02-28", "2026-03-01", "2026-06-01", "2026-07-01"]
    assert [versions(shelf.on(date.fromisoformat(day))) for day in days] == [
        (), ("2026-a.1",), ("2026-a.1", layer.version), ("2026-b.1", layer.version), ("2026-b.1", later.version),
    ]  # fmt: skip
    assert versions(shelf.before("2026-b.1")) == ("2026-a.1", layer.version)
    assert versions(shelf.since("2026-b.1")) == ("2026-b.1", layer.version)
    assert versions(shelf.before("2026-a.1")) == ()


def test_of_two_versions_of_one_day_the_one_that_was_loaded_later_is_in_force() -> None:
    shelf = Shelf((loaded("2026-06-01", "2026-b.1", 1), loaded("2026-06-01", "2026-a.1", 0)))
    assert versions(shelf.on(date(2026, 6, 1))) == ("2026-b.1",)
    assert versions(shelf.before("2026-b.1")) == ("2026-a.1",)


def test_a_turn_is_a_day_on_which_a_version_begins_or_what_it_rests_on_ends() -> None:
    shelf = Shelf((loaded("2026-01-01", "2026-a.1"), loaded("2026-06-01", "2026-b.1", 1)))
    turns = [(turn.on.isoformat(), turn.version, turn.kind) for turn in shelf.turns(date(2026, 12, 1))]
    assert turns == [
        ("2026-01-01", "2026-a.1", "begins"),
        ("2026-04-01", "2026-a.1", "ends"),  # 发改办财金〔2019〕527号
        ("2026-06-01", "2026-b.1", "begins"),
    ]
    assert shelf.turns(date(2025, 12, 31)) == []
