"""Understands what a catalogue says of a record's life: how long it is shown, when it can be repaired, what is tolerated."""

from __future__ import annotations

from datetime import date

import pytest

from credithub.domain.catalogue import Duration, from_json, load
from tests.unit.catalogue.shelf import BENCH, content, row, shipped

LATE, EARLY = date(2026, 4, 1), date(2026, 3, 31)
YEAR = Duration(number=1, unit="years")


@pytest.mark.requirement("R157")
@pytest.mark.parametrize(
    ("severity", "on", "period"),
    [
        ("slight", LATE, "display-slight"),
        ("general", LATE, "display-general"),
        ("serious", LATE, "display-serious"),
        (None, LATE, "display-general"),
        ("general", EARLY, "display-general-2019"),
        ("serious", EARLY, "display-serious-2019"),
    ],
)
def test_a_record_is_shown_by_the_rule_of_its_severity_and_its_day(severity: str | None, on: date, period: str) -> None:
    found = shipped().display_period("penalty", severity, on)
    assert found is not None
    assert found.id == period


def test_an_item_without_a_display_rule_has_none_and_a_day_before_all_rules_neither() -> None:
    assert shipped().display_period("licence", None, LATE) is None
    assert shipped().display_period("penalty", "slight", EARLY) is None
    assert shipped().display_period("penalty", "general", date(2019, 6, 30)) is None


@pytest.mark.requirement("R209", "R214")
def test_conditions_of_repair_are_data_by_item_and_severity() -> None:
    slight, general = (shipped().repair_rule("penalty", severity) for severity in ("slight", "general"))
    assert slight is not None
    assert general is not None
    assert slight.conditions == ("duty-done", "commitment")  # as soon as the duty is done
    assert general.conditions == ("minimum-period", "duty-done", "commitment")
    assert shipped().repair_rule("penalty", None) == shipped().repair_rule("penalty", "serious") == general
    market = shipped().repair_rule("serious-dishonesty-market", "serious")
    assert market is not None
    assert market.minimum == YEAR
    assert shipped().repair_rule("licence", None) is None
    assert all(rule.not_repairable is None for rule in shipped().content.repair)


def test_a_rule_that_forbids_repair_carries_its_citation() -> None:
    changed = content()
    cited = changed["repair"][0]["basis"][0]
    row(changed, "repair", "penalty")["not_repairable"] = cited
    rule = from_json(changed).repair_rule("penalty", "serious")
    assert rule is not None
    assert rule.not_repairable is not None
    assert rule.not_repairable.clause == "六(十一)"


@pytest.mark.requirement("R317", "R318", "R319")
@pytest.mark.parametrize(
    ("ground", "follows"),
    [
        ("force-majeure", (False, False, False)),
        ("minor", (False, False, False)),
        ("slight", (True, False, False)),
        ("unintended", (True, False, False)),
    ],
)
def test_what_follows_from_a_ground_for_tolerance_is_data_with_its_clause(
    ground: str, follows: tuple[bool, bool, bool]
) -> None:
    found = shipped().tolerance(ground)
    assert found is not None
    assert (found.record, found.display, found.measures) == follows
    assert found.citation.document == "国办发〔2020〕49号"
    assert found.citation.clause == "八(十六)"


def test_every_time_that_the_machine_runs_by_has_a_period() -> None:
    named = (
        "notice-waiting", "objection-verify-supplier", "objection-verify-collector", "repair-decide", "escalate-after",
        "remind-every", "lift-confirmation", "answer",
    )  # fmt: skip
    for name in named:
        period = shipped().period(name)
        assert period is not None, name
        assert period.maximum is not None, name
        assert "maximum" in period.unconfirmed, name


@pytest.mark.requirement("R144")
def test_a_list_with_a_term_has_it_as_a_period() -> None:
    procurement = shipped().list_type_of("serious-dishonesty-procurement")
    assert procurement is not None
    term = shipped().period(procurement.term)
    assert term is not None
    assert term.maximum == Duration(number=3, unit="years")


def test_a_catalogue_of_before_says_nothing_of_lists_repair_or_tolerance_and_is_still_read() -> None:
    old = load(BENCH)
    assert old.content.repair == old.content.tolerance == ()
    assert old.tolerance("minor") is None
    assert old.repair_rule("penalty", None) is None
    debtors = old.list_type_of("judgment-debtor")
    assert debtors is None or (debtors.demands, debtors.kind, debtors.legacy) == ((), None, False)


def test_the_items_of_lists_trigger_nothing_in_the_catalogue_that_is_shipped() -> None:
    pairs = {item.code: len(shipped().measures_for(item.code)) for item in shipped().items}
    assert {code: n for code, n in pairs.items() if n} == {"judgment-debtor": 81}
