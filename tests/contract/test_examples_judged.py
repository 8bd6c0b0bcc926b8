"""Understands that the examples of the contract end in ingest as the contract says."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from credithub import schemas
from credithub.domain.catalogue import Catalogue, load, versions
from credithub.domain.events import CreditEvent, SubmittedEntry, digest_of, type_of
from services.ingest.judge import Judge, Quarantined

pytestmark = pytest.mark.contract

KINDS = [kind for kind in schemas.kinds() if schemas.schema(kind)["x-role"] != "answer"]
# A person would read these the same way, so ingest mends them; the contract only asks for one way to write.
MENDED = {"date-with-slashes", "court-date"}


def _examples(folder: str) -> list[object]:
    return [
        pytest.param(kind, path, id=f"{kind}/{path.stem}")
        for kind in KINDS
        for path in sorted((schemas.schemas_dir() / "events" / kind).glob(f"examples/{folder}/*.json"))
    ]


@cache
def catalogue() -> Catalogue:
    return load(versions(schemas.schemas_dir() / "catalogue")[-1])


@cache
def judge() -> Judge:
    return Judge.of(None)


def item_of(kind: str, data: Any) -> str:
    return judge().kinds.by_name[kind].item_of(data)


def sender(kind: str, data: Any) -> str:
    """Somebody who may send it, as `x-by` says."""
    by = schemas.schema(kind)["x-by"]
    if isinstance(by, dict):
        if "division" in by:
            return "ndrc-" + str(data.get("case", {}).get("division"))
        by = by.get(data.get("verification", {}).get("by"), "hub")
    word = by if isinstance(by, str) else by[0]
    owners = [each.code for each in catalogue().departments if catalogue().may_report(each.code, item_of(kind, data))]
    return "hub" if word == "hub" else f"{owners[0] if owners else 'samr'}-130000"


def judged(kind: str, data: Any) -> CreditEvent | Quarantined:
    entry = SubmittedEntry(
        submission="sub_1", index=0, count=1, supplier=sender(kind, data), source="//x", id="1",
        digest=digest_of(kind, None, data), received_at="2026-11-30T08:00:00+08:00", form="event",
        catalogue=catalogue().version, mapping=None, allowed_items=[item_of(kind, data)],
        body={"type": type_of(kind), "source": "//x", "id": "1", "subject": None, "time": None, "data": data},
        file=None, row=None,
    )  # fmt: skip
    return judge()(entry, catalogue())


@pytest.mark.parametrize(("kind", "path"), _examples("valid"))
def test_a_valid_example_becomes_a_credit_event_that_keeps_to_its_schema(kind: str, path: Path) -> None:
    data = orjson.loads(path.read_bytes())
    outcome = judged(kind, data)
    assert isinstance(outcome, CreditEvent), getattr(outcome, "reasons", outcome)
    assert (outcome.kind, outcome.item, outcome.role) == (kind, item_of(kind, data), schemas.schema(kind)["x-role"])
    assert schemas.faults(kind, outcome.data) == []
    assert (outcome.target is not None) == ("record" in data)
    assert CreditEvent.from_bytes(outcome.to_bytes()) == outcome


@pytest.mark.parametrize(("kind", "path"), _examples("invalid"))
def test_an_invalid_example_is_quarantined_at_the_fields_it_names(kind: str, path: Path) -> None:
    example = orjson.loads(path.read_bytes())
    outcome = judged(kind, example["data"])
    if path.stem in MENDED:
        assert isinstance(outcome, CreditEvent)
        assert schemas.faults(kind, outcome.data) == []
        return
    assert isinstance(outcome, Quarantined)
    named = {reason.field for reason in outcome.reasons}
    assert named & {why["field"] for why in example["why"]}, outcome.reasons
