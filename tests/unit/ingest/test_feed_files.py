"""Understands that a file of many rows ends as it must: each planted fault found at its row, nothing else refused."""

from __future__ import annotations

import pytest

from credithub.csvfile import Count, open_table
from credithub.domain.events import CreditEvent
from credithub.domain.reasons import refuses
from services.ingest.rules import Quarantine, normalise
from tests.harness.entries import CONTEXT, a_row
from tests.harness.feedfiles import FeedFile, faulty_licences


def outcomes(file: FeedFile, encoding: str) -> dict[int, CreditEvent | Quarantine]:
    mapping = CONTEXT.feeds.latest("licence-2018")
    assert mapping
    raw = file.to_csv(encoding)
    count = Count()
    found = {
        row.number: normalise(a_row(row.cells, row=row.number), CONTEXT)
        for row in open_table(lambda: [raw], mapping).rows(count)
        if row.kind == "row"
    }
    assert count.reconciles()
    return {number: outcome for number, outcome in found.items() if isinstance(outcome, CreditEvent | Quarantine)}


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_of_five_thousand_rows_exactly_the_hundred_wrong_ones_are_refused_each_for_all_its_faults(
    encoding: str,
) -> None:
    file = faulty_licences()
    assert len({name for planted in file.planted for name in planted.names}) >= 15
    assert sum(len(planted.names) > 1 for planted in file.planted) >= 10
    found = outcomes(file, encoding)
    refused = {
        number: frozenset((reason.field, reason.code) for reason in outcome.reasons if refuses(reason))
        for number, outcome in found.items()
        if isinstance(outcome, Quarantine)
    }
    assert len(found) == 5_000
    assert refused == {planted.number: planted.expected for planted in file.planted}
    assert len(refused) == 100


def test_the_mended_rows_are_exactly_as_many_and_all_sound() -> None:
    mended = faulty_licences().mended()
    assert len(mended.rows) == 100
    assert all(isinstance(outcome, CreditEvent) for outcome in outcomes(mended, "utf-8").values())
