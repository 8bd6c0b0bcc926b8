"""Understands every move of an obligation: what it changes, and where there is nothing to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from credithub.domain.notifications import Answer, DeliveryReport, Feedback
from services.matcher.rules import falling, moves
from services.matcher.rules.answers import Refused, answered, reported
from services.matcher.rules.moves import Obligation

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
EARLIER = datetime(2026, 11, 2, 8, tzinfo=UTC)
REASON = {"code": "withdrawn", "text_zh": "撤销", "text_en": "withdrawn"}
LIVE = ("triggered", "delivered", "acknowledged", "executed", "declined")


def obligation(**changed: Any) -> Obligation:
    values: dict[str, Any] = {
        "organisation_code": "PDY900077", "obligation": "obl_one", "case_id": "cas_one", "record": "rec_one",
        "item": "judgment-debtor", "measure": "M-01", "department": "mnr", "agency": "mnr-130822", "round": 1,
        "epoch": 1, "version": 4, "state": "triggered", "suspended": False, "executed": False, "mandatory": True,
        "due_on": "2026-11-30", "answer": None, "reason": None, "catalogue": "demo-1",
        "explain": {"measure": {"id": "M-01"}, "rule": "nearest level"},
    }  # fmt: skip
    return Obligation(**(values | changed))


def doubted(**changed: Any) -> Obligation:
    return obligation(**({"suspended": True, "suspended_at": EARLIER, "due_on": None} | changed))


def feedback(said: Answer, **changed: Any) -> Feedback:
    values: dict[str, Any] = {
        "id": "fbk_1", "agency": "mnr-130822", "obligation": "obl_one", "epoch": 1, "version": 4, "answer": said,
        "reason": None, "document": None, "happened_on": None, "received_at": "2026-11-20T08:00:00Z", "via": "http",
    }  # fmt: skip
    return Feedback(**(values | changed))


def after(before: Obligation, said: Answer, **changed: Any) -> Obligation:
    moved = answered(before, feedback(said, **changed), ["not-applicable"], NOW)
    assert isinstance(moved, Obligation)
    return moved


# ------------------------------------------------------------------------------------------------- what happens to it
@pytest.mark.parametrize("state", LIVE)
def test_a_suspension_is_a_new_version_without_a_due_date(state: str) -> None:
    moved = moves.suspended(obligation(state=state, overdue=True), 2, NOW)
    assert (moved.epoch, moved.version, moved.state, moved.suspended) == (2, 5, state, True)
    assert (moved.due_on, moved.overdue, moved.confirmed, moved.suspended_at) == (None, False, False, NOW)
    assert moves.carried(moved) == "suspended"


def test_each_move_leaves_alone_what_it_does_not_concern() -> None:
    for state in moves.OVER:
        over = obligation(state=state)
        assert moves.suspended(over, 2, NOW) is over
        assert moves.resumed(replace(over, suspended=True), 2, None).state == state
        assert moves.lifted(over, 2, NOW) is over
        assert moves.corrected(over, 2) is over
        assert moves.late(over, 2) is over
    doubt = doubted()
    assert moves.suspended(doubt, 2, NOW) is doubt
    assert moves.late(doubt, 2) is doubt
    assert moves.resumed(obligation(), 2, "2026-12-30") == obligation()


@pytest.mark.parametrize(
    ("state", "mandatory", "due_on"),
    [
        ("triggered", True, "2026-12-30"), ("acknowledged", True, "2026-12-30"), ("executed", True, None),
        ("declined", True, None), ("delivered", False, None),
    ],
)  # fmt: skip
def test_what_resumes_is_due_anew_where_an_answer_is_still_owed(
    state: str, mandatory: bool, due_on: str | None
) -> None:
    moved = moves.resumed(doubted(state=state, mandatory=mandatory, confirmed=True), 1, "2026-12-30")
    assert (moved.version, moved.suspended, moved.confirmed, moved.due_on) == (5, False, False, due_on)


@pytest.mark.parametrize("before", [*(obligation(state=state) for state in LIVE), doubted(confirmed=True)])
def test_a_lift_is_owed_whatever_had_been_answered(before: Obligation) -> None:
    moved = moves.lifted(before, 2, NOW, REASON)
    assert (moved.epoch, moved.version, moved.state, moved.suspended) == (2, 5, "lifting", False)
    assert (moved.due_on, moved.confirmed, moved.lift_reason, moved.holding) == (None, False, REASON, True)


@pytest.mark.requirement("R097")
def test_a_partner_is_told_and_never_holds() -> None:
    assert not moves.suspended(obligation(), 1, NOW, asked=False).holding
    assert not moves.corrected(doubted(confirmed=True), 1, asked=False).holding
    lifted = moves.lifted(obligation(), 1, NOW, REASON, asked=False)
    assert (lifted.state, lifted.lifted_at, lifted.holding, moves.carried(lifted)) == ("lifted", NOW, False, "lifted")
    assert moves.reissued(lifted, 2, asked=False).state == "lifted"


def test_a_correction_of_a_suspended_obligation_is_to_be_confirmed_anew() -> None:
    moved = moves.corrected(doubted(confirmed=True), 1)
    assert (moved.version, moved.suspended, moved.confirmed) == (5, True, False)


def test_what_is_late_is_late_once_and_only_while_an_answer_is_owed() -> None:
    late = moves.late(obligation(), 1)
    assert (late.version, late.overdue) == (5, True)
    assert moves.late(late, 1) is late
    for answered_already in ("executed", "declined"):
        assert not moves.late(obligation(state=answered_already), 1).overdue
    assert not moves.late(obligation(mandatory=False), 1).overdue


def test_a_reminder_repeats_its_version_under_an_id_of_its_own() -> None:
    lifted = moves.lifted(obligation(), 1, NOW)
    again = moves.reminded(moves.reminded(lifted))
    assert again.version == lifted.version
    assert moves.message_of(lifted, "lifted") == "obl_one.1.5"
    assert moves.message_of(again, "reminder") == "obl_one.1.5.r2"


def test_a_superior_is_told_the_duty_and_since_when_and_nothing_of_the_subject() -> None:
    told = moves.escalation(moves.escalated(obligation(overdue=True)), "mnr-130800", "2026-12-08T00:00:00Z")
    assert (told.message, told.kind, told.agency) == ("escalated.obl_one.1", "escalated", "mnr-130800")
    assert (told.subject, told.record, told.measure) == ({}, {}, {"id": "M-01"})
    assert told.reason is not None
    assert (told.reason["agency"], told.reason["since"]) == ("mnr-130822", "2026-11-30")


# ------------------------------------------------------------------------------------------------- answers
def test_each_answer_leaves_its_moment_and_ends_the_lateness() -> None:
    late = obligation(overdue=True)
    assert after(late, "acknowledged") == replace(
        late, state="acknowledged", answer="acknowledged", acknowledged_at=NOW
    )
    executed = after(late, "executed")
    assert (executed.executed, executed.executed_at, executed.overdue) == (True, NOW, False)
    declined = after(late, "declined", reason="not-applicable")
    assert (declined.declined_at, declined.reason, declined.overdue) == (NOW, "not-applicable", False)


@pytest.mark.parametrize(
    ("before", "said"),
    [(doubted(), "suspension-confirmed"), (obligation(state="lifting"), "lift-confirmed")],
)
def test_a_confirmation_counts_for_the_version_it_names_alone(before: Obligation, said: Answer) -> None:
    assert after(before, said).confirmed
    assert answered(before, feedback(said, version=3), [], NOW) == Refused("version-old")
    assert answered(before, feedback(said, version=5), [], NOW) == Refused("version-unknown")


def test_what_an_agency_did_in_a_timeline_that_a_restore_cut_off_it_did() -> None:
    before = obligation(epoch=1, version=1)
    told_then = feedback("executed", epoch=1, version=3)
    assert answered(before, told_then, [], NOW, epoch=1) == Refused("version-unknown")
    moved = answered(before, told_then, [], NOW, epoch=2)
    assert not isinstance(moved, Refused)
    assert (moved.executed, moved.epoch, moved.version) == (True, 1, 1)
    confirmed = answered(obligation(state="lifting"), feedback("lift-confirmed", version=9), [], NOW, epoch=2)
    assert confirmed == Refused("version-old")


def test_a_truthful_late_execution_keeps_the_lift_owed() -> None:
    lifted = after(obligation(state="lifting"), "lift-confirmed")
    assert (lifted.state, lifted.lifted_at) == ("lifted", NOW)
    again = after(lifted, "executed", version=1)
    assert (again.state, again.executed, again.confirmed, again.lifted_at) == ("lifting", True, False, None)


def test_an_execution_while_in_doubt_is_recorded_and_asks_for_nothing_when_it_resumes() -> None:
    executed = after(doubted(), "executed")
    assert (executed.suspended, executed.state) == (True, "executed")
    assert moves.resumed(executed, 1, "2026-12-30").due_on is None


def test_what_arrived_first_is_the_moment_of_delivery() -> None:
    report = DeliveryReport(
        agency="mnr-130822", obligation="obl_one", epoch=1, version=4, outcome="delivered", channel="pull",
        at="2026-11-20T08:00:00.000000Z",
    )  # fmt: skip
    arrived = reported(obligation(), report)
    assert (arrived.state, arrived.delivered_at) == ("delivered", NOW)
    assert reported(replace(arrived, delivered_at=EARLIER), report).delivered_at == EARLIER
    assert reported(obligation(state="lifting"), replace(report, outcome="cancelled")).state == "cancelled"


# ------------------------------------------------------------------------------------------------- what falls due
def change(before: Obligation | None, moved: Obligation) -> dict[str, date | None]:
    return dict(falling.moments(before, moved, lambda _: date(2026, 11, 25)))


def test_a_due_date_counts_to_its_end() -> None:
    assert change(None, obligation()) == {"answer-due": date(2026, 12, 1)}
    assert change(None, obligation(mandatory=False)) == {}
    assert change(None, obligation(due_on=None, term_until="2027-11-01")) == {"measure-ends": date(2027, 11, 2)}


def test_what_is_answered_suspended_or_over_falls_due_no_more() -> None:
    before = obligation(term_until="2027-11-01")
    assert change(before, after(before, "executed")) == {"answer-due": None}
    assert change(before, after(before, "acknowledged")) == {}
    assert change(before, moves.suspended(before, 1, NOW)) == {"answer-due": None, "remind": date(2026, 11, 25)}
    ended = moves.lifted(before, 1, NOW)
    assert change(before, ended) == {"answer-due": None, "measure-ends": None, "remind": date(2026, 11, 25)}
    assert change(ended, after(ended, "lift-confirmed", version=5)) == {"remind": None}
    late = moves.late(before, 1)
    assert change(before, late) == {"answer-due": None}
    assert change(late, after(late, "executed", version=5)) == {"escalate": None}


def test_a_reminder_of_the_same_version_is_counted_on_and_of_a_newer_one_begins_anew() -> None:
    doubt = moves.suspended(obligation(), 1, NOW)
    assert change(doubt, moves.reminded(doubt)) == {}
    assert change(doubt, moves.corrected(doubt, 1)) == {"remind": date(2026, 11, 25)}
    assert change(doubt, moves.resumed(doubt, 1, "2026-12-30")) == {"answer-due": date(2026, 12, 31), "remind": None}
