"""Understands one licence on its way: posted in any mode, archived once, its trail to be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from tests.e2e import papers
from tests.harness.hub import BATCH, Answer, Holder, Hub, codes

JSON = JSONFormat()
Mode = Callable[[CloudEvent], http.HTTPMessage]


def structured(event: CloudEvent) -> http.HTTPMessage:
    return http.to_structured(event, JSON)


def binary(event: CloudEvent) -> http.HTTPMessage:
    return http.to_binary(event, JSON)


def batch(event: CloudEvent) -> http.HTTPMessage:
    """The SDK has none of its own: an array of what it writes."""
    return http.HTTPMessage({"content-type": BATCH}, b"[" + structured(event).body + b"]")


MODES = (structured, binary, batch)


@dataclass(frozen=True, slots=True)
class Desk:
    """A bureau that posts by a CloudEvents SDK not written here."""

    bureau: Holder
    data: dict[str, Any]
    id: str

    def event(self, hour: int = 8, **changed: Any) -> CloudEvent:
        attributes = {
            "id": self.id,
            "source": self.bureau.source,
            "type": "credithub.licence.granted.v1",
            "specversion": "1.0",
            "time": datetime(2026, 11, 22, hour, tzinfo=UTC),
            "datacontenttype": "application/json",
        }
        return CloudEvent(attributes, self.data | changed)

    def post(self, event: CloudEvent, mode: Mode) -> Answer:
        message = mode(event)
        headers = {**message.headers, "prefer": "wait=10"}
        return self.bureau.call("POST", "/v1/events", body=message.body, headers=headers)

    def outcome(self, event: CloudEvent, mode: Mode) -> tuple[str, str]:
        """State and submission."""
        told = self.post(event, mode).ok(202)
        return told["entries"][0]["state"], told["submission"]


@pytest.fixture
def desk(hub: Hub) -> Desk:
    bureau = hub.supplier(f"mnr-{hub.county()}", "licence")
    who = hub.organisation()
    return Desk(bureau, papers.licence(papers.subject(who), f"演资许〔2026〕{who.number}号"), hub.id("licence"))


@pytest.mark.requirement("R034")
@pytest.mark.parametrize("mode", MODES)
def test_a_licence_by_the_sdk_is_archived_and_its_trail_tells_so(desk: Desk, mode: Mode) -> None:
    answer = desk.post(desk.event(), mode)
    told = answer.ok(202)
    assert (told["received"], told["refused"], told["unknown"]) == (1, 0, 0)
    assert told["entries"][0]["state"] == "archived"
    assert answer.headers["location"] == f"/v1/submissions/{told['submission']}"

    submission = desk.bureau.decided(told["submission"])
    assert (submission["entries"], submission["archived"]) == (1, 1)
    trail = desk.bureau.trail(desk.bureau.source, desk.id)
    assert [(arrival["submission"], arrival["state"]) for arrival in trail["arrivals"]] == [
        (told["submission"], "archived")
    ]
    assert trail["record"]["record"] == told["entries"][0]["record"]
    assert trail["record"]["document"]["number"] == desk.data["document"]["number"]
    assert trail["record"]["data"]["licence"]["content"] == "准予临时用地"
    assert trail["cases"] == []


@pytest.mark.parametrize(("first", "second"), [(structured, binary), (binary, batch), (batch, structured)])
def test_the_same_event_in_another_mode_with_another_time_is_a_duplicate(desk: Desk, first: Mode, second: Mode) -> None:
    assert desk.outcome(desk.event(hour=8), first)[0] == "archived"
    state, again = desk.outcome(desk.event(hour=9), second)
    assert state == "duplicate"
    assert desk.bureau.decided(again)["duplicates"] == 1
    trail = desk.bureau.trail(desk.bureau.source, desk.id)
    assert [arrival["state"] for arrival in trail["arrivals"]] == ["archived", "duplicate"]
    assert trail["record"]["version"] == 1


def test_other_content_under_the_same_id_is_refused_as_conflict_and_its_supplier_sees_it(desk: Desk) -> None:
    assert desk.outcome(desk.event(), structured)[0] == "archived"
    state, again = desk.outcome(desk.event(licence={"category": "普通", "content": "另一内容"}), structured)
    assert state == "quarantined"
    assert desk.bureau.decided(again)["quarantined"] == 1
    (entry,) = desk.bureau.get(f"/v1/submissions/{again}")["results"]
    assert codes(entry) == {("id", "conflict")}
    assert all(entry["reasons"][0][name] for name in ("detail", "detail_zh", "what_to_do", "what_to_do_zh"))
    record = desk.bureau.trail(desk.bureau.source, desk.id)["record"]
    assert (record["version"], record["data"]["licence"]["content"]) == (1, "准予临时用地")


def test_the_next_export_under_another_id_says_nothing_new_and_a_correction_makes_a_version(
    desk: Desk, hub: Hub
) -> None:
    assert desk.outcome(desk.event(), structured)[0] == "archived"
    later = Desk(desk.bureau, desk.data, hub.id("licence"))
    assert later.outcome(later.event(), binary)[0] == "duplicate"
    corrected = Desk(desk.bureau, desk.data, hub.id("licence"))
    assert (
        corrected.outcome(corrected.event(licence={"category": "普通", "content": "另一内容"}), binary)[0] == "archived"
    )
    first, last = (desk.bureau.trail(desk.bureau.source, each.id)["record"] for each in (desk, corrected))
    assert first["record"] == last["record"]
    assert (last["version"], last["data"]["licence"]["content"]) == (2, "另一内容")
