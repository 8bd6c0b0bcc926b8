"""Understands a department's table: good rows are never lost for bad ones, and an export sent again says nothing new."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from credithub.demo.tables import debtor, written
from credithub.domain.reasons import REASONS
from tests.e2e import papers
from tests.harness.eventually import eventually_so
from tests.harness.feedfiles import FeedFile, faulty_licences, licence_rows
from tests.harness.hub import Holder, Hub, JsonObject, codes

ROWS, BAD, KINDS = 5_000, 100, 15


@dataclass(slots=True)
class Water:
    """The water bureau of the tables, and the file with the hundred bad rows."""

    bureau: Holder
    file: FeedFile
    submission: JsonObject

    def counts(self, content: bytes, name: str) -> dict[str, int]:
        """Sends a file, and says how its rows ended."""
        told = self.bureau.send_file("licence-2018", content, name).ok(202)
        decided = self.bureau.decided(told["submission"])
        assert decided["entries"] == told["received"] == sum(counts_of(decided).values())
        return {state: number for state, number in counts_of(decided).items() if number}

    def quarantined(self) -> list[JsonObject]:
        path = f"/v1/submissions/{self.submission['submission']}"
        return self.bureau.get(path, state="quarantined", limit=5000)["results"]


@pytest.fixture(scope="module")
def water(hub: Hub) -> Water:
    bureau, file = hub.supplier(f"mwr-{hub.county()}", "licence"), faulty_licences(ROWS, BAD)
    told = bureau.send_file("licence-2018", file.to_csv(), "许可_第47周.csv").ok(202)
    assert (told["received"], told["file"]["entries"]) == (ROWS, ROWS)
    return Water(bureau, file, bureau.decided(told["submission"]))


def counts_of(submission: JsonObject) -> dict[str, int]:
    return {name: submission[name] for name in ("archived", "waiting", "quarantined", "duplicates")}


def test_of_five_thousand_rows_the_hundred_bad_ones_are_quarantined_and_all_others_archived(water: Water) -> None:
    assert counts_of(water.submission) == {"archived": ROWS - BAD, "waiting": 0, "quarantined": BAD, "duplicates": 0}
    assert water.submission["file_name"] == "许可_第47周.csv"
    assert len({name for planted in water.file.planted for name in planted.names}) >= KINDS
    assert sum(len(planted.names) > 1 for planted in water.file.planted) >= 10


def test_each_bad_row_is_told_by_number_with_every_field_at_fault_its_reason_and_what_to_do(water: Water) -> None:
    told = {entry["row"]: entry for entry in water.quarantined()}
    refusing = {code for code, text in REASONS.items() if text.level == "refuse"}
    found = {
        row: {(field, code) for field, code in codes(entry) if code in refusing or "@" in code}
        for row, entry in told.items()
    }
    assert found == {planted.number: set(planted.expected) for planted in water.file.planted}
    for entry in told.values():
        for reason in entry["reasons"]:
            assert all(reason[name] for name in ("detail", "detail_zh", "what_to_do", "what_to_do_zh"))
    hinted = {reason["code"] for entry in told.values() for reason in entry["reasons"] if reason.get("hint")}
    assert {"enumeration-unknown", "too-long"} <= hinted


def test_the_mended_rows_sent_again_archive_exactly_themselves(water: Water) -> None:
    assert water.counts(water.file.mended().to_csv(), "许可_补报.csv") == {"archived": BAD}


def test_the_whole_export_a_week_later_under_another_name_says_nothing_new_in_any_encoding(water: Water) -> None:
    whole = licence_rows(ROWS)
    assert water.counts(whole.to_csv(), "许可_第48周.csv") == {"duplicates": ROWS}
    assert water.counts(whole.to_csv(), "又是同一文件.csv") == {"duplicates": ROWS}
    assert water.counts(whole.to_csv("gb18030"), "许可_GB18030.csv") == {"duplicates": ROWS}


def test_a_table_in_gb18030_ends_as_the_same_in_utf_8(hub: Hub) -> None:
    bureau, file = hub.supplier(f"mwr-{hub.county()}", "licence"), faulty_licences(200, 32)
    told = bureau.send_file("licence-2018", file.to_csv("gb18030"), "许可.csv").ok(202)
    assert told["file"]["encoding"] == "gb18030"
    assert counts_of(bureau.decided(told["submission"]))["quarantined"] == 32
    results = bureau.get(f"/v1/submissions/{told['submission']}", state="quarantined")["results"]
    assert [entry["row"] for entry in results] == [planted.number for planted in file.planted]


def test_a_list_of_debtors_sent_again_next_week_tells_no_agency_anything(hub: Hub) -> None:
    county = hub.county()
    court, register = hub.supplier(f"spc-{county}", "judgment-debtor"), hub.supplier(f"aab-{county}", "registration")
    justice = hub.agency(f"moj-{county}", "pull")
    those = [hub.organisation() for _ in range(4)]
    events = [register.event("subject.registered", papers.registration(who, county), hub.id("r")) for who in those]
    assert register.states(*events) == ["archived"] * 4
    rows = [debtor(who, who.number % 1000, who.number // 1000, date(2026, 11, 20)) for who in those]

    def send(number: int, name: str) -> JsonObject:
        content = written("judgment-debtor", rows[:number]).encode()
        told = court.send_file("judgment-debtor", content, name).ok(202)
        return counts_of(court.decided(told["submission"]))

    assert send(3, "失信_第47周.csv")["archived"] == 3
    first, cursor = eventually_so(justice.pull, lambda told: len(told[0]) == 6)
    assert subjects(first) == {who.unified_code for who in those[:3]}
    assert send(3, "失信_第48周.csv")["duplicates"] == 3
    later = send(4, "失信_第49周.csv")
    assert (later["duplicates"], later["archived"]) == (3, 1)
    after, _ = eventually_so(lambda: justice.pull(cursor), lambda told: len(told[0]) >= 2)
    assert subjects(after) == {those[3].unified_code}


def subjects(told: list[dict[str, Any]]) -> set[str]:
    return {each["notification"]["subject"]["unified_code"] for each in told}
