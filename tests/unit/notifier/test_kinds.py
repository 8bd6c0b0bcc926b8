"""The kinds of a record's life under the rules of supersession: interleavings 11 to 13, 26 and 29 to 31."""

from __future__ import annotations

from typing import Any

import pytest

from credithub.domain.notifications import Notification
from services.notifier.rules import PULL, Batch, Task, Times, may_begin, take
from tests.harness.told import AGENCY, lift, notification, reminder, suspension

ENABLED = frozenset({"kafka", PULL})
BEGUN = Task(seen=(1, 2), begun=frozenset({"kafka"}))


def resumption(version: int = 3, **given: Any) -> Notification:
    return notification(version, **{"kind": "resumed", **given})


def overdue(version: int = 2, **given: Any) -> Notification:
    return notification(version, **{"kind": "due", **given})


def reissue(version: int, state: str, **given: Any) -> Notification:
    return notification(version, **{"kind": "reissued", "state": state, **given})


def end_of(task: Task | None, told: Notification, **times: Any) -> str:
    return take(task, told, enabled=ENABLED, times=Times(**{"epoch": 1, **times})).end


def batch(*told: Notification, **given: Any) -> Batch:
    values: dict[str, Any] = {
        "times": Times(epoch=1), "tasks": {}, "counters": {}, "enabled": {AGENCY: ENABLED}, "known": set(),
    }  # fmt: skip
    made = Batch(**(values | given))
    made.take_all(told)
    return made


def states(one: Batch) -> dict[str, str]:
    """By kind; all channels end alike here."""
    return {row.entry.told.kind: row.state for row in one.deliveries}


# ------------------------------------------------------------------------------------------------- 11: cancelled
@pytest.mark.parametrize("before", [[notification(1)], [notification(1), suspension(2)], [suspension(1)]])
def test_a_lift_cancels_whatever_came_before_it_and_was_never_begun(before: list[Notification]) -> None:
    """Born suspended, or suspended on its way: nobody was told anything, so nobody has anything to let go."""
    one = batch(*before, lift(3))
    assert states(one)["lifted"] == "cancelled"
    assert set(states(one).values()) <= {"cancelled", "superseded"}, "nothing goes"
    assert one.tasks[AGENCY, "obl_one"].cancelled


@pytest.mark.parametrize("begun", ["kafka", PULL])
def test_a_lift_is_owed_though_only_the_suspension_was_ever_begun(begun: str) -> None:
    """30: to have answered a pull with it is an attempt like any other."""
    assert end_of(Task(seen=(1, 1), begun=frozenset({begun})), lift(2)) == "owed"


@pytest.mark.parametrize("late", [resumption(2), overdue(2), suspension(2), reminder(2), reissue(2, "triggered")])
def test_a_tombstone_drops_whatever_comes_later_below_it(late: Notification) -> None:
    assert end_of(Task(seen=(1, 3), cancelled=True), late) == "dropped"


def test_a_lift_issued_anew_after_a_restore_is_owed_to_whoever_may_have_been_told_before() -> None:
    assert end_of(Task(seen=(1, 3), cancelled=True), reissue(4, "lifted", epoch=2), epoch=2) == "owed"
    assert end_of(Task(seen=(2, 3), begun=frozenset({PULL})), reissue(4, "lifted", epoch=2), epoch=2) == "owed"


# ------------------------------------------------------------------------------------------------- 12, 13: superseded
@pytest.mark.parametrize(
    "newer", [suspension(3), resumption(3), overdue(3), notification(3), lift(3), reissue(3, "suspended")]
)
def test_whatever_is_newer_ends_what_waits_of_the_older_on_every_channel(newer: Notification) -> None:
    one = batch(newer, tasks={(AGENCY, "obl_one"): BEGUN})
    assert one.ended == {(AGENCY, "obl_one"): ((1, 3), "superseded")}
    assert {row.channel for row in one.deliveries if row.state == "due"} == {"kafka", PULL}


def test_a_resumption_that_overtakes_its_suspension_leaves_it_dropped() -> None:
    """They come on two topics, so either may come first; the agency hears the newest and nothing after it."""
    one = batch(notification(1), resumption(3), suspension(2))
    assert states(one) == {"triggered": "superseded", "resumed": "due", "suspended": "dropped"}
    other = batch(notification(1), suspension(2), resumption(3))
    assert states(other) == {"triggered": "superseded", "suspended": "superseded", "resumed": "due"}


def test_a_reminder_goes_beside_the_version_it_repeats_and_ends_with_it() -> None:
    one = batch(suspension(2), reminder(2, state="suspended"), tasks={(AGENCY, "obl_one"): BEGUN})
    assert states(one) == {"suspended": "dropped", "reminder": "due"}, "the version itself was taken before"
    both = batch(suspension(3), reminder(3, state="suspended"), tasks={(AGENCY, "obl_one"): BEGUN})
    assert states(both) == {"suspended": "due", "reminder": "due"}
    ended = batch(suspension(3), reminder(3, state="suspended"), lift(4), tasks={(AGENCY, "obl_one"): BEGUN})
    assert states(ended) == {"suspended": "superseded", "reminder": "superseded", "lifted": "due"}


def test_the_newer_waits_for_an_open_attempt_of_the_older_whichever_kinds_they_are() -> None:
    assert may_begin((1, 3), Task(seen=(1, 3)), older_open=True) == "wait"
    assert may_begin((1, 2), Task(seen=(1, 3)), older_open=False) == "superseded"
    assert may_begin((1, 3), Task(seen=(1, 3)), older_open=False) == "begin", "a reminder beside its version"


def test_an_escalation_neither_ends_nor_is_ended_by_what_its_superior_is_told_of_its_own() -> None:
    told = overdue(2, kind="escalated", message="escalated.obl_one.1")
    one = batch(told, lift(3), tasks={(AGENCY, "obl_one"): BEGUN})
    assert states(one) == {"escalated": "due", "lifted": "due"}
    assert end_of(Task(seen=(1, 9), cancelled=True), told) == "owed"


# ------------------------------------------------------------------------------------------------- 26: lanes
@pytest.mark.parametrize(
    ("told", "lane"),
    [
        (suspension(3), "ends"), (notification(3, kind="corrected", state="suspended"), "ends"),
        (reminder(3, state="suspended"), "ends"), (reminder(3, state="lifted"), "ends"),
        (reissue(3, "lifted"), "ends"), (reissue(3, "suspended"), "ends"), (reissue(3, "triggered"), "rest"),
        (resumption(3), "rest"), (overdue(3), "rest"), (notification(3, kind="escalated"), "rest"),
        (notification(1, kind="triggered", state="suspended"), "ends"),
    ],
)  # fmt: skip
def test_the_lane_and_its_number_follow_the_state_that_is_carried(told: Notification, lane: str) -> None:
    one = batch(told, tasks={} if told.version == 1 else {(AGENCY, "obl_one"): BEGUN})
    assert [(entry.lane, entry.number) for entry in one.entries] == [(lane, 1)]
    assert told.lane == lane


# ------------------------------------------------------------------------------------------------- 29, 31
@pytest.mark.parametrize("late", [suspension(1), resumption(1), overdue(1), reminder(1), reissue(1, "triggered")])
def test_whatever_is_dropped_keeps_a_number_that_says_nothing_and_a_row_that_says_why(late: Notification) -> None:
    one = batch(late, tasks={(AGENCY, "obl_one"): BEGUN})
    assert [(row.channel, row.state) for row in one.deliveries] == [("-", "dropped")]
    assert all(row.reason for row in one.deliveries)
    assert [entry.void for entry in one.entries] == [True]


@pytest.mark.parametrize("told", [suspension(3), lift(3), reminder(2, state="suspended"), reminder(2, state="lifted")])
def test_ends_and_reminders_go_where_it_was_begun_and_where_the_agency_is_now(told: Notification) -> None:
    task = Task(seen=(1, 2), begun=frozenset({"webhook"}))
    assert take(task, told, enabled=ENABLED, times=Times(epoch=1)).channels == ("kafka", PULL, "webhook")
    assert take(task, resumption(3), enabled=ENABLED, times=Times(epoch=1)).channels == ("kafka", PULL)
