"""Understands how one look becomes figures: counters first, then the database, never a guess."""

from __future__ import annotations

from datetime import timedelta

from credithub import topics
from services.gateway.dashboard.figures import AGENCY_TOPICS, MINUTES, PATH, Part, minute_of
from services.gateway.dashboard.history import History, Tally
from tests.harness.ops import AT, ago, figures, heard, stored, with_service

NOW = minute_of(AT)


def test_the_stages_come_in_the_order_of_the_path_with_thirty_minutes_each() -> None:
    assert [stage.name for stage in figures().stages] == list(PATH)
    assert all(len(stage.minutes) == MINUTES for stage in figures().stages)


def test_a_rate_is_that_of_the_last_whole_minute_not_of_the_running_one() -> None:
    flow = {"archived": {NOW: 3, NOW - 1: 40, NOW - 29: 7, NOW - 30: 1_000}}
    archived = figures(stored=stored(flow=flow)).stage("archived")
    assert (archived.running, archived.per_minute, archived.total) == (3, 40, 50)


def test_a_stages_own_counter_goes_before_what_the_database_saw_arrive() -> None:
    def counted(stage: str, minute: int) -> int | None:
        return 500 if (stage, minute) == ("received", NOW - 1) else None

    looked = figures(stored=stored(flow={"received": {NOW - 1: 0, NOW - 2: 9}}), counted=counted)
    assert looked.stage("received").minutes[-3:-1] == (9, 500)


def test_without_the_database_what_nobody_counted_is_unknown_and_not_zero() -> None:
    looked = figures(stored=None, postgresql=Part(name="postgresql", state="down"))
    assert looked.stage("delivered").per_minute is None
    assert not looked.stage("delivered").known


def test_the_lag_of_a_topic_read_by_several_processes_is_their_sum_and_their_worst() -> None:
    events = topics.EVENTS.name
    two = [heard("matcher", lag_messages={events: n}, lag_seconds={events: s}) for n, s in ((10.0, 2.0), (5.0, 30.0))]
    lag = next(lag for lag in figures(heard=two).lags if lag.topic == events)
    assert (lag.messages, lag.seconds, lag.service) == (15, 30.0, "matcher")


def test_a_topic_whose_reader_is_silent_has_an_unknown_lag() -> None:
    lag = next(lag for lag in figures().lags if lag.topic == topics.SUBMISSIONS.name)
    assert lag.messages is None
    assert lag.seconds is None


def test_the_agencies_own_topics_stand_in_one_line() -> None:
    answers = {topics.agency_topics(agency)[2].name: 2.0 for agency in ("mnr-130822", "court-130822")}
    lag = next(
        each for each in figures(heard=[heard("notifier", lag_messages=answers)]).lags if each.topic == AGENCY_TOPICS
    )
    assert (lag.messages, lag.service) == (4, "notifier")


def test_of_several_processes_of_a_service_the_worst_counts_and_the_latest_error_is_shown() -> None:
    one = heard("matcher", last_error="old", last_error_at=ago(hours=2))
    two = heard("matcher", state="not-ready", away=("kafka",), last_error="new", last_error_at=ago(minutes=1))
    part = figures(heard=[one, two]).part("matcher")
    assert (part.state, part.away, part.last_error) == ("not-ready", ("kafka",), "new")


def test_a_service_nobody_named_is_down_and_says_why() -> None:
    assert "CREDITHUB_SERVICES" in figures(heard=[]).part("ingest").last_error


def test_parked_messages_are_added_over_all_services() -> None:
    one = with_service("ingest", handled={("credithub-ingest", "parked"): 2.0, ("credithub-ingest", "normalised"): 9.0})
    assert figures(heard=one).parked == 2


def test_a_counter_is_told_by_the_minute_in_which_it_grew() -> None:
    tally = Tally()
    for seconds, total in ((0, 100), (20, 100), (50, 130), (70, 150), (130, 150)):
        tally.see(AT + timedelta(seconds=seconds), total)
    assert [tally.grown(NOW + k) for k in range(4)] == [None, 50, 0, None]


def test_the_minute_in_which_watching_began_is_left_to_the_database() -> None:
    tally = Tally()
    tally.see(AT, 5)
    tally.see(AT + timedelta(seconds=10), 9)
    assert tally.grown(NOW) is None


def test_a_counter_that_shrank_began_anew_with_its_process() -> None:
    tally = Tally()
    for seconds, total in ((0, 1_000), (50, 1_010), (60, 4)):
        tally.see(AT + timedelta(seconds=seconds), total)
    assert tally.grown(NOW + 1) == 14


def test_after_a_long_look_away_nobody_knows_when_a_counter_grew() -> None:
    tally = Tally()
    tally.see(AT, 10)
    tally.see(AT + timedelta(minutes=8), 900)
    assert [tally.grown(NOW + k) for k in range(9)] == [None] * 9


def test_history_keeps_the_worst_lag_of_each_minute_and_half_an_hour_of_it() -> None:
    history, topic = History(), topics.EVENTS.name
    for minutes, seconds in ((0, 3.0), (1, 8.0), (1, 2.0), (31, 1.0)):
        history.see(AT + timedelta(minutes=minutes), [heard("matcher", lag_seconds={topic: seconds})])
        if minutes == 1:
            assert history.lagged(topic, NOW + 1) == 8.0
    assert history.lagged(topic, NOW) is None
    assert history.lagged(topic, NOW + 31) == 1.0


def test_a_silent_service_leaves_its_minutes_to_the_database() -> None:
    history = History()
    for k in range(6):
        alive = heard("ingest", handled={("credithub-ingest", "normalised"): 10.0 * k})
        history.see(AT + timedelta(minutes=k), [alive if k < 3 else heard("ingest", state="down")])
    assert [history.counted("ingested", NOW + k) for k in range(6)] == [None, 10, 10, None, None, None]
