"""Understands how a test puts an event before ingest's judge: a shipped example, changed where the test says so."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import orjson

from credithub import schemas
from credithub.domain.catalogue import Catalogue, from_json, load, versions
from credithub.domain.events import CreditEvent
from services.ingest.judge import Judge, Quarantined
from tests.harness.entries import an_event

COUNTY = "samr-130822"


@cache
def shipped() -> Catalogue:
    return load(versions(schemas.schemas_dir() / "catalogue")[-1])


@cache
def judge() -> Judge:
    return Judge.of(None)


@cache
def _example(kind: str, name: str) -> bytes:
    return (schemas.schemas_dir() / "events" / kind / "examples" / "valid" / f"{name}.json").read_bytes()


def example(kind: str, name: str, **changes: Any) -> dict[str, Any]:
    """`changes` by path, with __ for a dot; ... removes."""
    data = orjson.loads(_example(kind, name))
    for path, value in changes.items():
        *way, last = path.split("__")
        node = data
        for step in way:
            node = node[int(step)] if isinstance(node, list) else node.setdefault(step, {})
        if value is ...:
            del node[last]
        else:
            node[last] = copy.deepcopy(value)
    return data


def judged(
    kind: str, data: dict[str, Any], supplier: str = COUNTY, catalogue: Catalogue | None = None, **entry: Any
) -> CreditEvent | Quarantined:
    stamp = {"allowed_items": [item.code for item in shipped().items], "received_at": "2026-11-30T08:00:00+08:00"}
    return judge()(an_event(kind, data, supplier=supplier, **(stamp | entry)), catalogue or shipped())


def taken(kind: str, data: dict[str, Any], supplier: str = COUNTY, **more: Any) -> CreditEvent:
    outcome = judged(kind, data, supplier, **more)
    assert isinstance(outcome, CreditEvent), outcome.reasons
    return outcome


def refused(kind: str, data: dict[str, Any], supplier: str = COUNTY, **more: Any) -> set[tuple[str, str | None]]:
    """(code, field) of every reason."""
    outcome = judged(kind, data, supplier, **more)
    assert isinstance(outcome, Quarantined), outcome
    return {(reason.code, reason.field) for reason in outcome.reasons}


def changed(**rows: dict[str, dict[str, Any]]) -> Catalogue:
    """The shipped catalogue with some rows changed: changed(list_types={"focus": {"legacy": True}})."""
    content = copy.deepcopy(shipped().to_json())
    for key, changes in rows.items():
        for name, values in changes.items():
            row = next(each for each in content[key] if name in (each.get("code"), each.get("id"), each.get("ground")))
            row.update(values)
    return from_json(content)
