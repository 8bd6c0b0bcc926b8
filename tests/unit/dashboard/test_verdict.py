"""Understands what makes the verdict green, amber or red, and that every cause has its words."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from credithub import topics
from services.gateway.dashboard import verdict as module
from services.gateway.dashboard.figures import SERVICES, Catalogue, Holding, Part, Unpublished, Unsettled
from services.gateway.dashboard.speak import Speak
from services.gateway.dashboard.texts import CAUSES
from services.gateway.dashboard.verdict import judge
from tests.harness.ops import AT, LAND, ago, figures, stored, trouble, with_service


def codes(**changed: Any) -> list[str]:
    return [cause.code for cause in judge(figures(**changed)).causes]


def test_an_ordinary_day_is_green_although_entries_wait_and_are_quarantined() -> None:
    assert judge(figures()).level == "green"
    assert codes() == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_does_not_answer_is_red(service: str) -> None:
    verdict = judge(figures(heard=with_service(service, state="down")))
    assert verdict.level == "red"
    assert verdict.causes[0].facts == {"service": service}


def test_services_that_wait_for_kafka_are_no_cause_beside_kafka() -> None:
    down = Part(name="kafka", state="down")
    assert codes(kafka=down, heard=with_service("ingest", state="not-ready", away=("kafka",))) == ["kafka-down"]


def test_a_service_not_ready_on_sound_ground_is_a_cause_that_names_its_steps() -> None:
    cause = judge(figures(heard=with_service("matcher", state="not-ready", away=("relay",)))).causes[0]
    assert (cause.code, cause.facts["steps"]) == ("service-not-ready", "relay")


def test_without_postgresql_the_verdict_is_red_and_says_nothing_it_cannot_know() -> None:
    assert codes(stored=None, postgresql=Part(name="postgresql", state="down")) == ["postgresql-down"]


def test_a_slow_database_is_amber_only() -> None:
    verdict = judge(figures(stored=None, postgresql=Part(name="postgresql", state="slow")))
    assert (verdict.level, [cause.code for cause in verdict.causes]) == ("amber", ["postgresql-slow"])


@pytest.mark.parametrize(("seconds", "level"), [(59.9, "green"), (60, "amber"), (599, "amber"), (600, "red")])
def test_lag_is_judged_in_seconds(seconds: float, level: str) -> None:
    topic = topics.EVENTS.name
    one = with_service("matcher", lag_messages={topic: 9_000.0}, lag_seconds={topic: seconds})
    assert judge(figures(heard=one)).level == level


def test_the_last_error_is_news_for_five_minutes() -> None:
    young, old = ({"last_error": "x", "last_error_at": ago(minutes=m)} for m in (4, 6))
    assert codes(heard=with_service("notifier", **young)) == ["service-error"]
    assert codes(heard=with_service("notifier", **old)) == []


def test_failing_and_parked_deliveries_name_how_many_agencies_they_concern() -> None:
    unsettled = (Unsettled(channel="kafka", state="failed", number=4), Unsettled(channel="-", state="parked", number=2))
    day = stored(unsettled=unsettled, troubles=(trouble(), trouble(agency=LAND), trouble(state="parked", number=2)))
    causes = {cause.code: cause.facts for cause in judge(figures(stored=day)).causes}
    assert causes["deliveries-failing"] == {"number": 4, "agencies": 2}
    assert causes["deliveries-parked"] == {"number": 2, "agencies": 1}


def test_what_waits_too_long_is_a_cause_and_what_does_not_is_none() -> None:
    late = stored(
        unpublished=Unpublished(number=3, oldest=ago(minutes=2)), holding=Holding(number=1, oldest=ago(hours=25))
    )
    early = stored(
        unpublished=Unpublished(number=3, oldest=ago(seconds=5)), holding=Holding(number=1, oldest=ago(hours=23))
    )
    assert codes(stored=late) == ["unpublished", "holding"]
    assert codes(stored=early) == []


def test_a_hub_without_a_catalogue_or_with_drifting_accounts_is_amber() -> None:
    assert codes(stored=stored(catalogue=None, drift=2)) == ["no-catalogue", "drift"]
    assert codes(stored=stored(catalogue=Catalogue(version="1", illustrative=False))) == []


def test_the_worst_cause_comes_first() -> None:
    verdict = judge(figures(stored=stored(drift=1), heard=with_service("ingest", state="down")))
    assert [cause.level for cause in verdict.causes] == ["red", "amber"]


def test_every_cause_that_can_be_named_has_its_words_and_no_words_lie_idle() -> None:
    source = inspect.getsource(module)
    named = set(re.findall(r'_cause\("([a-z-]+)"', source)) | set(re.findall(r'"(deliveries-[a-z]+)"', source))
    assert named == set(CAUSES)


def test_a_verdict_is_one_sentence_in_either_language() -> None:
    looked = figures(stored=stored(drift=1), heard=with_service("ingest", state="down"))
    said = {lang: Speak(lang, AT).verdict(judge(looked), idle=False) for lang in ("zh", "en")}  # type: ignore[arg-type]
    assert said == {"zh": "服务 ingest 没有应答；另有 1 项。", "en": "Service ingest does not answer; and 1 more."}
