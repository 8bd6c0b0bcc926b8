"""Understands an agency that works by Kafka alone: it reads its own topics, answers on its own, and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import KafkaError

from tests.e2e import papers
from tests.e2e.kafka_seat import REFUSED, Reader, Seat
from tests.harness.eventually import eventually_so
from tests.harness.ground import ROOT
from tests.harness.hub import Holder, Hub

DENIED = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)
EXAMPLE = json.loads((ROOT / "schemas/catalogue/examples/judgment-debtor-130822.json").read_text(encoding="utf-8"))
MEASURES = {pair["measure"] for pair in EXAMPLE["expected"] if pair["department"] == "mnr"}


@dataclass(slots=True)
class Place:
    """A county of two agencies at the broker, one of whom is heard about most."""

    hub: Hub
    court: Holder
    register: Holder
    land: Holder
    justice: Holder

    @property
    def seat(self) -> Seat:
        return Seat.of(self.land)

    def listed(self, county: str) -> str:
        """Lists an organisation seated there; its case number."""
        who = self.hub.organisation()
        event = self.register.event("subject.registered", papers.registration(who, county), self.hub.id("registration"))
        assert self.register.states(event) == ["archived"]
        listing = papers.listing(papers.subject(who), case := papers.case_number(who.number))
        event = self.court.event("judgment-debtor.listed", listing, self.hub.id("listing"))
        assert self.court.states(event) == ["archived"]
        return case

    def state(self, obligation: str) -> str:
        return self.hub.operator.get(f"/v1/obligations/{obligation}")["state"]


@pytest.fixture(scope="module")
def county(hub: Hub) -> str:
    return hub.county()


@pytest.fixture(scope="module")
def place(hub: Hub, county: str) -> Place:
    made = Place(
        hub,
        hub.supplier(f"spc-{county}", "judgment-debtor"),
        hub.supplier(f"aab-{county}", "registration"),
        hub.agency(f"mnr-{county}", "kafka"),
        hub.agency(f"moj-{county}", "kafka"),
    )
    for agency in (made.land, made.justice):
        eventually_so(lambda agency=agency: not Seat.of(agency).refused(), within=30, why="its account is there")
    return made


def about(events: Sequence[dict[str, Any]], case: str) -> list[dict[str, Any]]:
    return [each for each in events if each["data"]["record"].get("document", {}).get("number") == case]


def told(reader: Reader, case: str) -> list[dict[str, Any]]:
    """The notifications of a case, all of them."""
    return about(reader.until(lambda events: len(about(events, case)) == len(MEASURES)), case)


def answer_to(event: dict[str, Any], answer: str, **more: Any) -> dict[str, Any]:
    data = event["data"]
    return {
        "obligation": data["obligation"],
        "epoch": data["epoch"],
        "version": data["version"],
        "answer": answer,
    } | more


def refusals(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in events if each["type"] == "credithub.obligation.feedback-refused.v1"]


@pytest.mark.requirement("R059", "R073")
def test_an_agency_reads_its_duties_from_its_topic_and_its_answers_move_them(place: Place, county: str) -> None:
    case = place.listed(county)
    with place.seat.reading() as reader:
        events = told(reader, case)
        assert {each["data"]["measure"]["id"] for each in events} == MEASURES
        assert {(each["type"], each["topic"]) for each in events} == {
            ("credithub.obligation.triggered.v1", place.seat.topic)
        }
        assert all(each["id"] == each["data"]["message"] and each["source"] == "//credithub" for each in events)
        assert all(reader.keys[each["id"]] == each["data"]["obligation"] for each in events)
        assert reader.types == {b"application/cloudevents+json; charset=UTF-8"}
        for each, answer in zip(events, ("acknowledged", "executed", "declined"), strict=False):
            more = {"reason": "no-such-matter"} if answer == "declined" else {}
            place.seat.answer(answer_to(each, answer, **more))
            obligation = each["data"]["obligation"]
            eventually_so(
                lambda obligation=obligation: place.state(obligation), lambda state, answer=answer: state == answer
            )

        obligation = events[0]["data"]["obligation"]
        (feedback,) = place.hub.operator.get(f"/v1/obligations/{obligation}")["feedback"]
        assert (feedback["via"], feedback["outcome"]) == ("kafka", "accepted")


def test_a_removal_comes_on_the_topic_of_ends_and_its_confirmation_ends_the_duty(place: Place, county: str) -> None:
    case = place.listed(county)
    with place.seat.reading() as reader:
        events = told(reader, case)
        who = events[0]["data"]["subject"]
        event = place.court.event("judgment-debtor.removed", papers.removal(dict(who), case), place.hub.id("removal"))
        event["data"]["subject"] = {"name": who["name"], "unified_code": who["unified_code"]}
        assert place.court.states(event) == ["archived"]
        both = about(reader.until(lambda found: len(about(found, case)) == 2 * len(MEASURES)), case)
        ends = [each for each in both if each["topic"] == f"{place.seat.topic}.ends"]
        assert {each["data"]["measure"]["id"] for each in ends} == MEASURES
        assert {(each["type"], each["data"]["state"]) for each in ends} == {
            ("credithub.obligation.lifted.v1", "lifted")
        }
        assert all(each["data"]["version"] > 1 for each in ends)
        place.seat.answer(answer_to(ends[0], "lift-confirmed"))
        eventually_so(lambda: place.state(ends[0]["data"]["obligation"]), lambda state: state == "lifted")
        assert place.state(ends[1]["data"]["obligation"]) == "lifting"


def test_malformed_and_wrong_answers_on_the_topic_come_back_refused_and_stall_nothing(
    place: Place, county: str
) -> None:
    case = place.listed(county)
    seat = place.seat
    with seat.reading() as reader:
        first, second, *_ = told(reader, case)
        known = len(refusals(reader.events))
        wrong = (
            b"not json",
            json.dumps({"answer": "executed"}).encode(),
            json.dumps(answer_to(first, "ignored")).encode(),
            json.dumps(answer_to(first, "executed") | {"version": 99}).encode(),
            json.dumps(answer_to(first, "declined", reason="because")).encode(),
            json.dumps(answer_to(first, "lift-confirmed")).encode(),
        )
        for value in wrong:
            assert seat.write(value) is None
        seat.answer(answer_to(second, "executed"))
        eventually_so(lambda: place.state(second["data"]["obligation"]), lambda state: state == "executed")
        reader.until(lambda events: len(refusals(events)) == known + len(wrong))
        back = refusals(reader.events)[known:]
        assert len({each["id"] for each in back}) == len(wrong)
        assert all(each["data"]["reason"]["code"] for each in back)
        reasons = {each["data"]["reason"]["code"] for each in back}
        assert {"version-unknown", "reason-unknown", "nothing-to-confirm"} < reasons
        assert place.state(first["data"]["obligation"]) == "delivered"


def test_an_agency_that_comes_later_is_heard_too(hub: Hub, place: Place) -> None:
    place.seat.answer({})  # the topics of those who were here before are being read
    with place.seat.reading() as reader:
        reader.until(lambda events: bool(refusals(events)))
    late = Seat.of(hub.agency(f"moj-{hub.county()}", "kafka"))
    eventually_so(lambda: not late.refused(), within=30, why="its account is there")
    assert late.write(b"not json") is None
    with late.reading() as reader:
        (back,) = reader.until(lambda events: len(refusals(events)) == 1)
        assert back["data"]["reason"]["code"] == "json-syntax"


def test_answers_by_http_are_4xx_when_malformed_and_come_back_refused_when_wrong(place: Place, county: str) -> None:
    case = place.listed(county)
    with place.seat.reading() as reader:
        first, *_ = told(reader, case)
        known = len(refusals(reader.events))
        obligation, sound = first["data"]["obligation"], answer_to(first, "executed")
        place.land.answer(obligation, {"answer": "executed"}).problem(422, "request-invalid")
        place.land.answer(obligation, sound | {"answer": "ignored"}).problem(422, "request-invalid")
        place.land.answer(obligation, sound | {"happened_on": "2026-02-30"}).problem(422, "request-invalid")
        place.land.call(
            "POST", f"/v1/obligations/{obligation}/feedback", body=b"{", headers={"content-type": "application/json"}
        ).problem(400)
        place.land.answer("obl_of_nobody", sound | {"obligation": "obl_of_nobody"}).problem(404, "not-found")
        place.justice.answer(obligation, sound).problem(404, "not-found")

        place.land.answer(obligation, sound | {"version": 99}).ok(202)
        (back,) = refusals(reader.until(lambda events: len(refusals(events)) > known))[known:]
        assert back["data"]["reason"]["code"] == "version-unknown"
        assert back["data"]["obligation"] == obligation
        place.land.answer(obligation, sound).ok(202)
        eventually_so(lambda: place.state(obligation), lambda state: state == "executed")


def test_another_agencys_topics_and_the_hubs_are_closed_to_it(place: Place, county: str) -> None:
    seat, other = place.seat, Seat.of(place.justice)
    for topic in (other.topic, f"{other.topic}.ends", "credit.events", "credit.submissions", "credit.notifications"):
        with seat.reading(topic) as reader:
            reader.refused(KafkaError.TOPIC_AUTHORIZATION_FAILED)
            assert reader.events == []
    with seat.reading(group=f"{other.user}.tests") as reader:
        reader.refused(KafkaError.GROUP_AUTHORIZATION_FAILED)
    for topic in (f"{other.topic}.feedback", other.topic, seat.topic, "credit.feedback", "credit.events"):
        verdict = seat.write(b"{}", topic)
        assert verdict is not None
        assert verdict.code() in DENIED
    with seat.reading() as reader:  # and its own stand open
        assert told(reader, place.listed(county))


def test_a_wrong_password_is_refused(place: Place) -> None:
    seat = place.seat
    assert Seat(seat.bootstrap, seat.user, "guessed").refused()
    assert Seat(seat.bootstrap, "nobody-130822", seat.password).refused()
    assert not seat.refused()


def test_kcat_reads_and_answers_with_the_agencys_user(place: Place, county: str) -> None:
    """Where there is no kcat, librdkafka speaks for it: the tests above are the same conversation."""
    case = place.listed(county)
    seat = place.seat
    with seat.reading() as reader:
        first, *_ = told(reader, case)
    if shutil.which("kcat") is None:
        return
    read = seat.kcat("-C", "-t", seat.topic, "-o", "beginning", "-e", "-q")
    assert read.returncode == 0, read.stderr
    assert first["id"] in {json.loads(line)["id"] for line in read.stdout.splitlines()}
    group = seat.kcat("-G", f"{seat.user}.kcat", "-o", "beginning", "-c", "1", "-q", seat.topic)
    assert json.loads(group.stdout)["specversion"] == "1.0"
    wrote = seat.kcat(
        "-P", "-t", f"{seat.topic}.feedback", "-k", "k", given=json.dumps(answer_to(first, "executed")).encode()
    )
    assert wrote.returncode == 0, wrote.stderr
    eventually_so(lambda: place.state(first["data"]["obligation"]), lambda state: state == "executed")
    foreign = seat.kcat("-C", "-t", Seat.of(place.justice).topic, "-e", "-q")
    assert b"authorization failed" in foreign.stderr.lower()


def test_a_revoked_key_is_refused_at_once_and_others_are_not(hub: Hub, place: Place, county: str) -> None:
    supplier = hub.supplier(f"mnr-{county}", "licence")
    supplier.get("/v1/submissions")
    key = supplier.key.split("_")[1]
    hub.operator.call("POST", f"/v1/keys/{key}/disable").ok()
    supplier.call("GET", "/v1/submissions").problem(401, "key-refused")
    supplier.post({}).problem(401, "key-refused")
    place.land.get("/v1/obligations")


@pytest.mark.timeout(150)
def test_a_revoked_agency_is_out_within_a_minute_even_of_its_open_connection(hub: Hub) -> None:
    agency = hub.agency(f"nfga-{hub.county()}", "kafka")
    seat = Seat.of(agency)
    eventually_so(lambda: not seat.refused(), within=30, why="its account is there")
    with seat.reading() as reader:
        eventually_so(lambda: (reader.read(), reader.consumer.assignment())[1], within=30, why="it reads")
        seat.errors.clear()
        hub.operator.call("DELETE", f"/v1/agencies/{agency.agency}").ok()
        agency.call("GET", "/v1/notifications").problem(401, "key-refused")
        reader.refused(KafkaError.TOPIC_AUTHORIZATION_FAILED)
        eventually_so(
            lambda: (reader.read(), seat.errors)[1],
            lambda errors: bool(errors & REFUSED),
            within=60,
            why="its open connection ends",
        )
    assert Seat.of(agency).refused()
