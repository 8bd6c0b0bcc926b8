"""Understands which codes are one subject, and what is still to be done about an objection or an application."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from credithub.domain.linked import group, successor
from credithub.domain.pending import of_objection, of_repair

ON = date(2026, 11, 22)


def link(from_code: str, to_code: str, kind: str = "recoded") -> dict[str, str]:
    return {"from_code": from_code, "to_code": to_code, "kind": kind}


@pytest.mark.parametrize(
    ("links", "code", "last", "codes"),
    [
        ([], "A", "A", {"A"}),
        ([link("A", "B"), link("B", "C", "merged")], "A", "C", {"A", "B", "C"}),
        ([link("A", "C", "merged"), link("B", "C", "merged")], "C", "C", {"A", "B", "C"}),
        ([link("A", "B", "split"), link("A", "C", "split")], "A", "A", {"A"}),
        ([link("A", "B"), link("B", "A")], "A", "B", {"A", "B"}),
    ],
)
def test_recoded_and_merged_codes_are_one_subject_and_split_ones_are_not(
    links: list[dict[str, str]], code: str, last: str, codes: set[str]
) -> None:
    assert successor(code, links) == last
    assert set(group(code, links)) == codes
    assert group(code, links)[0] == code


def objection(**changed: Any) -> dict[str, Any]:
    row = {"state": "open", "determining": "samr-130822", "supplier_at": None, "supplier_due_on": ON,
           "collector_at": None, "collector_due_on": None}  # fmt: skip
    return row | changed


@pytest.mark.requirement("R219")
def test_both_verify_before_anybody_closes() -> None:
    assert [step.what for step in of_objection(objection(), ON)] == ["verify", "verify"]
    assert [step.who for step in of_objection(objection(supplier_at=ON), ON)] == ["hub"]
    assert [step.what for step in of_objection(objection(supplier_at=ON, collector_at=ON), ON)] == ["close"]
    assert of_objection(objection(state="refused"), ON) == ()


def test_a_due_day_is_late_only_on_the_day_after() -> None:
    assert [of_objection(objection(), day)[0].late for day in (ON, date(2026, 11, 23))] == [False, True]
    applied = {"state": "applied", "determining": "samr-130822", "due_on": ON}
    assert [of_repair(applied, day)[0].late for day in (ON, date(2026, 11, 23))] == [False, True]
    assert of_repair(applied | {"state": "granted"}, ON) == ()
