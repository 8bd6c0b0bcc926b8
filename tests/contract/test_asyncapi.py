"""Understands that the AsyncAPI document is sound, by the official schema, and says what really travels."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from cloudevents.core.bindings import kafka
from cloudevents.core.formats.json import JSONFormat

from credithub import topics
from credithub.domain.notifications import Feedback, Notification
from credithub.http.asyncapi import document
from credithub.schemas import faults, faults_of

OFFICIAL = Path(__file__).parent / "official" / "asyncapi-3.0.0.json.gz"
KINDS = {
    "triggered", "corrected", "suspended", "resumed", "lifted", "due", "reminder", "escalated", "feedback-refused",
    "reissued",
}  # fmt: skip
FEEDBACK = "obligation.feedback"


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document("1.2.3", "kafka.example.invalid:9093")


def test_the_official_schema_accepts_it(made: dict[str, Any]) -> None:
    official = jsonschema_rs.Draft7Validator(orjson.loads(gzip.decompress(OFFICIAL.read_bytes())))
    assert [f"{error.instance_path}: {error.message[:200]}" for error in official.iter_errors(made)] == []


def test_the_official_schema_would_refuse_a_faulty_one(made: dict[str, Any]) -> None:
    official = jsonschema_rs.Draft7Validator(orjson.loads(gzip.decompress(OFFICIAL.read_bytes())))
    assert not official.is_valid(made | {"operations": {"notify": {"action": "publish"}}})
    assert not official.is_valid({name: part for name, part in made.items() if name != "info"})


def test_it_names_every_topic_of_an_agency_and_no_other(made: dict[str, Any]) -> None:
    told = {channel["address"] for channel in made["channels"].values()}
    assert told == {topic.name for topic in topics.agency_topics("{agency}")}


def test_every_kind_of_notification_has_its_message(made: dict[str, Any]) -> None:
    sent = {name for part in ("agency", "agencyEnds") for name in made["channels"][part]["messages"]}
    assert sent == KINDS
    assert set(made["components"]["messages"]) > KINDS


def test_every_reference_leads_somewhere(made: dict[str, Any]) -> None:
    references = re.findall(r'"\$ref":"#/([^"]+)"', orjson.dumps(made).decode())
    assert references
    for reference in references:
        node = made
        for part in reference.split("/"):
            node = node[part]


def test_every_example_is_valid_by_the_payload_beside_it(made: dict[str, Any]) -> None:
    seen = 0
    for message in made["components"]["messages"].values():
        payload = jsonschema_rs.Draft7Validator(
            {"components": made["components"], **message["payload"]}, validate_formats=True
        )
        for example in message.get("examples", ()):
            assert payload.is_valid(example["payload"]), example["name"]
            seen += 1
    assert seen >= 6


def test_an_example_of_another_kind_is_refused(made: dict[str, Any]) -> None:
    lifted, triggered = (made["components"]["messages"][kind] for kind in ("lifted", "triggered"))
    payload = jsonschema_rs.Draft7Validator({"components": made["components"], **lifted["payload"]})
    assert not payload.is_valid(triggered["examples"][0]["payload"])


def test_the_address_and_the_protocol_are_the_settings(made: dict[str, Any]) -> None:
    assert made["servers"]["kafka"]["host"] == "kafka.example.invalid:9093"
    assert made["servers"]["kafka"]["protocol"] == "kafka-secure"
    assert document("1", "127.0.0.1:1", "SASL_PLAINTEXT")["servers"]["kafka"]["protocol"] == "kafka"


def test_a_notification_as_the_hub_writes_it_fits_its_schema() -> None:
    notification = Notification(
        message="obl_a.1.1", kind="triggered", agency="mps-130822", obligation="obl_a", epoch=1, version=1,
        state="triggered", lane="rest", case="cas_a", round=1,
        measure={"id": "m-01", "name_zh": "（演示）", "name_en": None, "clause": "二（一）1"},
        subject={"unified_code": "91130800PDY900077X", "organisation_code": "PDY900077", "name": "演示甲公司"},
        record={"id": "rec_a", "item": "judgment-debtor", "kind": "judgment-debtor.listed", "version": 1, "data": {}},
        due_on="2026-12-01", catalogue="2026-illustrative.2", rule="…", issued_at="2026-11-22T08:00:00+08:00",
    )  # fmt: skip
    assert faults_of("messages/notification/v1.json", orjson.loads(notification.to_bytes())) == []


def test_feedback_as_the_hub_writes_it_fits_its_schema() -> None:
    feedback = Feedback(
        id="fb", agency="mps-130822", obligation="obl_a", epoch=1, version=1, answer="declined",
        reason="no-such-matter", document=None, happened_on=None, received_at="2026-11-22T08:00:00Z", via="http",
    )  # fmt: skip
    assert faults_of("messages/feedback/v1.json", orjson.loads(feedback.to_bytes())) == []


def test_the_sdk_reads_the_examples_as_cloud_events(made: dict[str, Any]) -> None:
    example = made["components"]["messages"]["triggered"]["examples"][0]["payload"]
    headers = {"content-type": b"application/cloudevents+json; charset=UTF-8"}
    message = kafka.KafkaMessage(headers=headers, key=b"obl", value=orjson.dumps(example))
    event = kafka.from_structured(message, JSONFormat())
    assert event.get_type() == "credithub.obligation.triggered.v1"
    assert event.get_data() == example["data"]


def test_what_an_agency_is_told_to_write_is_what_the_hub_takes(made: dict[str, Any]) -> None:
    for example in made["components"]["messages"]["feedback"]["examples"]:
        assert faults(FEEDBACK, example["payload"]) == []
