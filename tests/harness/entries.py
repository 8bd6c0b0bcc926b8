"""Understands a submitted entry for tests: sound by default, changed where a test says so."""

from __future__ import annotations

from typing import Any

from credithub import schemas
from credithub.domain.events import SubmittedEntry, type_of
from credithub.domain.feeds import load
from credithub.domain.tables import SHIPPED
from services.ingest.rules import Context, Kinds

CONTEXT = Context(
    feeds=load(SHIPPED / "feeds"),
    kinds=Kinds(schemas.schema(kind) for kind in schemas.kinds()),
    items=frozenset({"licence", "penalty", "judgment-debtor", "registration"}),
)


def an_entry(**changes: Any) -> SubmittedEntry:
    values: dict[str, Any] = {
        "submission": "sub_1",
        "index": 0,
        "count": None,
        "supplier": "mwr-130822",
        "source": "//mwr-130822/files",
        "id": "2026-1",
        "digest": "0" * 64,
        "received_at": "2026-11-22T08:00:00+08:00",
        "form": "event",
        "catalogue": "2026-illustrative.2",
        "mapping": None,
        "allowed_items": ["licence", "penalty", "judgment-debtor", "registration"],
        "body": {},
        "file": None,
        "row": None,
    }
    return SubmittedEntry(**(values | changes))


def a_row(cells: dict[str, str], feed: str = "licence-2018", **changes: Any) -> SubmittedEntry:
    given: dict[str, Any] = {
        "form": "row",
        "mapping": "1",
        "row": 2,
        "file": {"digest": "f" * 64, "name": "", "rows": 1},
    }
    return an_entry(**(given | {"body": {"feed": feed, "cells": cells}} | changes))


def an_event(kind: str, data: dict[str, Any], **changes: Any) -> SubmittedEntry:
    body = {"specversion": "1.0", "id": "2026-1", "source": "//mwr-130822/files", "type": type_of(kind), "data": data}
    return an_entry(**({"body": body} | changes))
