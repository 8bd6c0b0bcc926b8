"""What is owed to an agency, decided without any database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from credithub.domain.notifications import Notification
from services.notifier.rules import Backoff, Batch, Task, Times, Try, conclude, may_begin, take
from tests.harness.told import AGENCY, escalation, lift, notification, refusal, reminder, suspension

ENABLED = frozenset({"kafka", "pull"})
NOW = datetime(2026, 7, 1, tzinfo=UTC)


def taken(task: Task | None, told: Notification, **times: object) -> tuple[str, Task | None, tuple[str, ...]]:
    result = take(task, told, enabled=ENABLED, times=Times(**{"epoch": 1, **times}))  # type: ignore[arg-type]
    return result.end, result.task, result.channels


def test_a_trigger_is_owed_on_the_channels_enabled() -> None:
    assert taken(None, notification(1)) == ("owed", Task(seen=(1, 1)), ("kafka", "pull"))


def test_a_version_not_above_what_was_seen_is_dropped() -> None:
    task = Task(seen=(1, 3))
    assert taken(task, notification(3))[0] == taken(task, suspension(2))[0] == "dropped"


def test_a_lift_before_any_attempt_leaves_a_tombstone() -> None:
    end, task, channels = taken(Task(seen=(1, 1)), lift(2))
    assert (end, task, channels) == ("cancelled", Task(seen=(1, 2), cancelled=True), ())
    assert taken(task, notification(1))[0] == "dropped"


def test_a_lift_after_any_attempt_is_owed_where_it_was_begun_and_where_the_agency_is_now() -> None:
    end, task, channels = taken(Task(seen=(1, 1), begun=frozenset({"webhook"})), lift(2))
    assert (end, channels) == ("owed", ("kafka", "pull", "webhook"))
    assert task is not None
    assert not task.cancelled


def test_a_suspension_is_never_cancelled() -> None:
    """The obligation lives on: the agency must know that it stands suspended."""
    assert taken(None, suspension(1))[0] == "owed"


@pytest.mark.parametrize(
    ("task", "told", "times"),
    [
        (Task(seen=(1, 1)), lift(2, epoch=2), {"epoch": 2}),
        (Task(seen=(2, 1), old=True), lift(2, epoch=2), {"epoch": 2}),
        (None, lift(2, epoch=1), {"epoch": 2}),
        (None, lift(2), {"catching_up": True}),
    ],
)
def test_after_a_restore_an_attempt_may_have_been_forgotten_so_the_lift_is_owed(
    task: Task | None, told: Notification, times: dict[str, object]
) -> None:
    assert taken(task, told, **times)[0] == "owed"


def test_a_version_above_the_matchers_table_is_evidence_and_never_sent() -> None:
    end, task, channels = taken(None, notification(5), epoch=2, issued={"obl_one": (1, 4)})
    assert (end, channels) == ("evidence", ())
    assert task == Task(seen=(0, 0), old=True, above=(1, 5))
    assert taken(task, lift(6, epoch=2), epoch=2, issued={"obl_one": (2, 6)})[0] == "owed"


def test_a_reminder_repeats_the_newest_version_only() -> None:
    task = Task(seen=(1, 2), begun=frozenset({"kafka"}))
    assert taken(task, reminder(2))[0] == "owed"
    assert taken(task, reminder(1))[0] == "dropped"
    assert taken(Task(seen=(1, 2), cancelled=True), reminder(2))[0] == "dropped"


def test_a_refusal_is_owed_whatever_the_obligation_is_and_changes_nothing() -> None:
    task = Task(seen=(1, 9), cancelled=True)
    assert taken(task, refusal()) == ("owed", task, ("kafka", "pull"))


def test_a_reminder_goes_where_the_agency_is_now_and_where_it_ever_was() -> None:
    """Also to one that has the version: it has not confirmed it."""
    task = Task(seen=(1, 2), begun=frozenset({"webhook"}))
    assert taken(task, reminder(2, state="lifted"))[2] == ("kafka", "pull", "webhook")
    assert taken(task, reminder(2))[2] == ("kafka", "pull", "webhook")


def test_an_escalation_is_owed_to_the_superior_and_fences_nothing() -> None:
    assert taken(None, escalation()) == ("owed", None, ("kafka", "pull"))
    one = batch()
    one.take_all([notification(3), escalation(version=1), escalation("escalated.obl_one.2", version=1)])
    assert one.counts == {"owed": 3}
    assert one.tasks == {(AGENCY, "obl_one"): Task(seen=(1, 3))}


# ------------------------------------------------------------------------------------------------- batches
def batch(**given: object) -> Batch:
    values: dict[str, object] = {
        "times": Times(epoch=1),
        "tasks": {},
        "counters": {},
        "enabled": {AGENCY: ENABLED},
        "known": set(),
    }
    return Batch(**{**values, **given})  # type: ignore[arg-type]


def states(one: Batch) -> dict[tuple[str, str], str]:
    return {(row.entry.told.message, row.channel): row.state for row in one.deliveries}


def test_within_a_batch_the_newer_supersedes_the_older() -> None:
    one = batch()
    one.take_all([notification(1), suspension(2)])
    assert states(one) == {
        ("obl_one.1.1", "kafka"): "superseded",
        ("obl_one.1.1", "pull"): "superseded",
        ("obl_one.1.2", "kafka"): "due",
        ("obl_one.1.2", "pull"): "due",
    }
    assert [(e.lane, e.number, e.void) for e in one.entries] == [("rest", 1, False), ("ends", 1, False)]


def test_within_a_batch_a_lift_cancels_the_trigger_and_voids_both_numbers() -> None:
    one = batch(tasks={(AGENCY, "obl_one"): Task(seen=(1, 0))})
    one.take_all([notification(1), lift(2)])
    assert states(one) == {
        ("obl_one.1.1", "kafka"): "cancelled",
        ("obl_one.1.1", "pull"): "cancelled",
        ("obl_one.1.2", "-"): "cancelled",
    }
    assert [entry.void for entry in one.entries] == [True, True]
    assert one.ended == {(AGENCY, "obl_one"): ((1, 2), "cancelled")}


def test_a_message_that_the_ledger_knows_gets_no_second_number() -> None:
    one = batch(known={(AGENCY, "obl_one.1.1")})
    one.take_all([notification(1), notification(2), notification(2)])
    assert one.counts == {"repeated": 2, "owed": 1}
    assert [entry.number for entry in one.entries] == [1]


def test_everything_dropped_has_a_row_that_says_why() -> None:
    one = batch(tasks={(AGENCY, "obl_one"): Task(seen=(1, 5))}, enabled={})
    one.take_all([notification(1), notification(1, obligation="obl_two")])
    assert [(row.channel, row.state) for row in one.deliveries] == [("-", "dropped"), ("-", "parked")]
    assert all(row.reason for row in one.deliveries)


def test_other_obligations_and_agencies_are_left_alone() -> None:
    one = batch(enabled={AGENCY: ENABLED, "mof-130822": ENABLED})
    one.take_all(
        [notification(1), notification(1, agency="mof-130822"), notification(1, obligation="obl_two"), lift(2)]
    )
    still_due = {(row.entry.told.agency, row.entry.told.obligation) for row in one.deliveries if row.state == "due"}
    assert still_due == {("mof-130822", "obl_one"), (AGENCY, "obl_two")}


# ------------------------------------------------------------------------------------------------- tries
def test_an_attempt_begins_only_for_the_newest_version_of_a_living_task() -> None:
    assert may_begin((1, 1), Task(seen=(1, 1)), older_open=False) == "begin"
    assert may_begin((1, 1), Task(seen=(1, 2)), older_open=False) == "superseded"
    assert may_begin((1, 1), Task(seen=(1, 1), cancelled=True), older_open=False) == "superseded"
    assert may_begin((1, 2), Task(seen=(1, 2)), older_open=True) == "wait"
    assert may_begin((1, 2), None, older_open=True) == "begin"


def ended(outcome: str, *, version: int = 1, age: timedelta = timedelta(0), attempts: int = 1) -> Try:
    return Try(outcome=outcome, version=(1, version), attempts=attempts, made_at=NOW - age)  # type: ignore[arg-type]


def test_what_arrived_is_delivered_even_when_something_newer_was_taken_meanwhile() -> None:
    assert conclude(ended("delivered"), Task(seen=(1, 2)), Backoff(), NOW, 0.5).state == "delivered"


def test_what_did_not_arrive_and_is_old_by_now_is_not_tried_again() -> None:
    assert conclude(ended("unknown"), Task(seen=(1, 2)), Backoff(), NOW, 0.5).state == "superseded"


def test_it_is_tried_again_over_days_and_then_parked() -> None:
    task = Task(seen=(1, 1))
    assert conclude(ended("failed", age=timedelta(days=6)), task, Backoff(), NOW, 0.5).state == "failed"
    assert conclude(ended("failed", age=timedelta(days=8)), task, Backoff(), NOW, 0.5).state == "parked"
    assert conclude(ended("refused"), task, Backoff(), NOW, 0.5).state == "parked"


def test_the_rests_double_up_to_the_longest_and_are_spread() -> None:
    backoff = Backoff(first=timedelta(seconds=1), most=timedelta(seconds=30))
    assert [backoff.after(n, 1.0).total_seconds() for n in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert backoff.after(3, 0.0) == timedelta(seconds=2)
    assert backoff.after(10_000, 1.0) == timedelta(seconds=30)
