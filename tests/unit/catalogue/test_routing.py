"""Understands routing from the seat: nearest at or above, never beside, never below."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from credithub.domain.catalogue import LEVELS, from_json
from credithub.domain.routing import Agencies, Agency, at_or_above, level_of, obligations_for, route
from tests.unit.catalogue.shelf import agencies, content, shipped

COUNTIES = ["130822", "130803", "130922", "110108", "429004"]
SEATS = sorted({division for county in COUNTIES for division in at_or_above(county).values()})


@pytest.mark.requirement("R065")
@given(seat=st.sampled_from(SEATS), offices=st.sets(st.sampled_from(SEATS)))
def test_the_nearest_agency_at_or_above_the_seat_acts(seat: str, offices: set[str]) -> None:
    found = route("mnr", seat, agencies(f"mnr-{office}" for office in offices))
    prefixes = [seat, seat[:4] + "00", seat[:2] + "0000", "000000"]
    nearest = next((office for office in prefixes if office in offices), None)
    assert found == (f"mnr-{nearest}" if nearest else None)


@given(seat=st.sampled_from(SEATS), offices=st.sets(st.sampled_from(SEATS)))
def test_another_departments_agency_is_never_asked(seat: str, offices: set[str]) -> None:
    assert route("mnr", seat, agencies(f"mof-{office}" for office in offices)) is None


@given(seat=st.none() | st.text(max_size=8).filter(lambda text: len(text) != 6))
def test_a_seat_that_is_no_division_routes_to_nobody(seat: str | None) -> None:
    assert route("mnr", seat, agencies(f"mnr-{office}" for office in SEATS)) is None


@given(seat=st.text(min_size=6, max_size=6))
def test_no_six_characters_can_break_routing(seat: str) -> None:
    found = route("mnr", seat, agencies(["mnr-000000"]))
    assert found == ("mnr-000000" if seat.isascii() and seat.isdecimal() else None)


def test_levels_read_from_the_division() -> None:
    assert [level_of(division) for division in ("130822", "130800", "130000", "000000")] == list(LEVELS)
    assert list(at_or_above("130800")) == ["city", "province", "national"]
    assert list(at_or_above("000000")) == ["national"]


def test_a_rule_can_start_a_department_at_a_higher_level() -> None:
    changed = content()
    by_city = {"id": "tax-by-city", "departments": ["sta"], "levels": ["city"], "text_zh": "市", "text_en": "city"}
    changed["routing"].insert(0, by_city)
    offices = agencies(["sta-130822", "sta-130800", "mof-130822"])
    planned = obligations_for(from_json(changed), "judgment-debtor", "130822", offices)
    assert {each.agency for each in planned if each.department == "sta"} == {"sta-130800"}
    assert {each.agency for each in planned if each.department == "mof"} == {"mof-130822"}


def test_without_a_seat_every_pair_is_planned_and_none_is_routed() -> None:
    planned = obligations_for(shipped(), "judgment-debtor", None, agencies(["mof-000000"]))
    assert len(planned) == 81
    assert all(each.agency is None for each in planned)


def test_nothing_is_planned_for_natural_persons_unless_the_measure_reaches_them() -> None:
    planned = obligations_for(shipped(), "judgment-debtor", "130822", agencies([]), "sole-trader")
    assert len(planned) == 81
    assert obligations_for(shipped(), "licence", "130822", agencies([])) == ()
    assert obligations_for(shipped(), "unheard-of", "130822", agencies([])) == ()


def test_an_agency_acts_from_its_first_day_up_to_its_last() -> None:
    office = Agency(
        id="mof-130822", department="mof", division="130822", valid_from=date(2026, 1, 1), valid_to=date(2026, 7, 1)
    )
    on = {day: len(Agencies([office], on=day)) for day in (date(2025, 12, 31), date(2026, 1, 1), date(2026, 7, 1))}
    assert list(on.values()) == [0, 1, 0]


def test_equal_registries_share_what_was_worked_out() -> None:
    first = obligations_for(shipped(), "judgment-debtor", "130822", agencies(["mof-130822", "mnr-130800"]))
    again = obligations_for(shipped(), "judgment-debtor", "130822", agencies(["mnr-130800", "mof-130822"]))
    assert first is again
    other = obligations_for(shipped(), "judgment-debtor", "130822", agencies(["mnr-130800"]))
    assert {each.agency for each in other} == {None, "mnr-130800"}
