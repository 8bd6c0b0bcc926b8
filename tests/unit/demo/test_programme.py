"""Understands the day's facts: all invented, each run its own, the faulty rows faulty in the ways they say."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date

import pytest

from credithub import schemas
from credithub.demo import faulty, organisations, tables
from credithub.demo.programme import NAMELESS, Programme
from credithub.demo.tables import GB18030, UTF8, UTF8_BOM, Table
from credithub.domain import feeds
from credithub.domain.codes import judge
from credithub.domain.events import CreditEvent, SubmittedEntry, digest_of
from services.ingest.rules.outcomes import Blank, Quarantine
from services.ingest.rules.rows import read_row
from tests.harness.entries import CONTEXT

TODAY = date(2026, 11, 22)
DAY, NEXT = Programme(run=1, today=TODAY), Programme(run=2, today=TODAY)
FEEDS = feeds.load(schemas.schemas_dir() / "feeds")


def read(table: Table, encoding: str) -> Iterator[CreditEvent | Quarantine | Blank]:
    """The rows of a table as ingest judges them."""
    mapping = FEEDS.latest(table.feed)
    assert mapping is not None
    header, *rows = csv.reader(io.StringIO(table.content.decode(encoding)))
    for index, cells in enumerate(rows):
        body = {"feed": table.feed, "cells": dict(zip(header, cells, strict=True))}
        entry = SubmittedEntry(
            submission="sub", index=index, count=None, supplier=table.supplier, source="//demo", id=str(index),
            digest=digest_of(table.feed, None, body), received_at=f"{TODAY}T00:00:00Z", form="row", catalogue="c",
            mapping=mapping.version, allowed_items=[mapping.item], body=body, file={"digest": "f"}, row=index + 2,
        )  # fmt: skip
        yield read_row(entry, mapping, CONTEXT.kinds)


def test_every_organisation_is_of_the_reserved_range_and_its_codes_are_sound() -> None:
    for who in (*organisations.known(), *organisations.late(1), *organisations.late(900)):
        assert who.unified_code[8:11] == "PDY"
        assert judge("unified_code", who.unified_code).value == who.unified_code
        for scheme, value in who.legacy:
            assert judge(scheme, value).value == value


def test_those_registered_late_are_others_in_every_run() -> None:
    numbers = [who.number for run in range(1, 50) for who in organisations.late(run)]
    assert len(set(numbers)) == len(numbers)
    assert not {who.number for who in organisations.known()} & set(numbers)


@pytest.mark.parametrize(
    ("table", "encoding"),
    [
        (DAY.licences(), UTF8_BOM),
        (DAY.resources(), GB18030),
        (DAY.penalties(), UTF8),
        (DAY.legacy(), UTF8),
        (DAY.debtor_table(), GB18030),
    ],
    ids=lambda value: value.name if isinstance(value, Table) else value,
)
def test_as_many_rows_are_refused_as_the_programme_expects(table: Table, encoding: str) -> None:
    refused = sum(isinstance(outcome, Quarantine) for outcome in read(table, encoding))
    assert refused == table.expected.get("quarantined", 0)
    assert sum(table.expected.values()) == table.rows


def test_each_mistake_is_told_with_its_reasons() -> None:
    for mistake, outcome in zip(faulty.mistakes(TODAY), read(DAY.penalties(), UTF8), strict=False):
        assert isinstance(outcome, Quarantine)
        assert mistake.reasons <= {reason.code for reason in outcome.reasons}


def test_rows_by_older_codes_name_nobody_by_a_computable_code() -> None:
    events = [event for event in read(DAY.legacy(), UTF8) if isinstance(event, CreditEvent)]
    assert {event.organisation_code for event in events} == {None}
    assert sum(not event.legacy for event in events) == NAMELESS


def facts(table: Table, encoding: str) -> set[tuple[str, str | None, str]]:
    events = [event for event in read(table, encoding) if isinstance(event, CreditEvent)]
    return {(event.folded_number, event.organisation_code, event.content) for event in events}


def test_an_export_in_another_encoding_states_the_same_facts_in_other_bytes() -> None:
    first, again = DAY.resources(), DAY.resources_again()
    assert first.content != again.content
    assert facts(first, GB18030) == facts(again, UTF8)


def test_the_same_file_again_has_the_same_bytes_and_another_name() -> None:
    first, again = DAY.licences(), DAY.licences_again()
    assert first.content == again.content
    assert first.name != again.name


def test_two_runs_share_no_fact_but_the_register() -> None:
    assert not facts(DAY.licences(), UTF8_BOM) & facts(NEXT.licences(), UTF8_BOM)
    assert not {d.key for d in (*DAY.listings(), *DAY.fines())} & {d.key for d in (*NEXT.listings(), *NEXT.fines())}
    assert [d.event for d in DAY.registrations()] == [d.event for d in NEXT.registrations()]


def test_every_event_follows_the_schema_of_its_kind() -> None:
    posted = [*DAY.registrations(), *DAY.late_registrations(), *DAY.listings(), DAY.removal(), *DAY.fines()]
    for decision in posted:
        kind = decision.event["type"].removeprefix("credithub.").removesuffix(".v1")
        assert schemas.faults(kind, decision.event["data"]) == []


def test_the_changed_fine_has_the_id_of_the_first_and_other_content() -> None:
    first, changed = DAY.fines()[0], DAY.changed_fine()
    assert first.key == changed.key
    assert first.event["data"] != changed.event["data"]


def test_the_removal_names_the_case_of_the_first_listing_posted() -> None:
    listing, removal = DAY.listings()[0].event["data"], DAY.removal().event["data"]
    assert removal["removal"]["case_number"] == listing["document"]["number"]
    assert removal["subject"] == listing["subject"]


def test_the_days_of_a_table_are_written_in_four_ways() -> None:
    rows = [tables.licence(tables.APPROVAL, organisations.organisation(1), n, 1, TODAY) for n in range(4)]
    assert len({"".join("9" if c.isdigit() else c for c in row["XK_JDRQ"]) for row in rows}) == 4
