"""Understands an agency's desk: the highest version counts, every kind of answer is given."""

from __future__ import annotations

from datetime import date
from typing import Any

from credithub import schemas
from credithub.demo.answering import Desk, answers_to, final_answer

ON = date(2026, 11, 22)


def notification(**changed: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "kind": "triggered",
        "state": "triggered",
        "obligation": "obl_1",
        "epoch": 1,
        "version": 1,
        "measure": {"id": "P64-12"},
    }
    return told | changed


def said(told: dict[str, Any]) -> list[str]:
    return [answer["answer"] for answer in answers_to(told, ON)]


def test_three_measures_in_a_row_get_three_different_answers() -> None:
    assert {final_answer(f"P64-{number}") for number in (12, 13, 14)} == {"executed", "declined", "acknowledged"}


def test_every_answer_follows_the_public_schema() -> None:
    for state in ("triggered", "suspended", "lifted"):
        for measure in ("P64-12", "P64-13", "P64-14"):
            for answer in answers_to(notification(state=state, measure={"id": measure}), ON):
                assert schemas.faults("obligation.feedback", answer) == []


def test_an_end_is_confirmed_whatever_was_answered_before() -> None:
    assert said(notification(state="lifted", kind="lifted")) == ["lift-confirmed"]
    assert said(notification(state="suspended", kind="suspended")) == ["suspension-confirmed"]


def test_what_comes_twice_or_late_is_not_answered_again() -> None:
    desk = Desk("ndrc-130822")
    lifted = notification(state="lifted", kind="lifted", version=2)
    assert desk.take(lifted)
    assert desk.take(lifted) == []
    assert desk.take(notification(version=1)) == []
    assert desk.said["obl_1"] == 1


def test_a_reminder_is_answered_again() -> None:
    """The first answer may have been lost (interleavings 32)."""
    desk = Desk("ndrc-130822")
    lifted = notification(state="lifted", kind="lifted", version=2)
    assert [a["answer"] for a in desk.take(lifted)] == ["lift-confirmed"]
    assert [a["answer"] for a in desk.take({**lifted, "kind": "reminder"})] == ["lift-confirmed"]


def test_an_escalation_asks_for_no_answer() -> None:
    desk = Desk("ndrc-130800")
    assert desk.take(notification(kind="escalated")) == []
    assert desk.refused == []


def test_a_newer_version_is_answered() -> None:
    desk = Desk("ndrc-130822")
    desk.take(notification())
    assert desk.take(notification(kind="corrected", version=2))


def test_an_answer_that_came_back_is_remembered_not_answered() -> None:
    desk = Desk("ndrc-130822")
    assert desk.take(notification(kind="feedback-refused")) == []
    assert len(desk.refused) == 1
