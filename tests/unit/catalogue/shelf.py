"""Understands where the shipped catalogues lie, and how a test changes one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from credithub.domain.catalogue import Catalogue, from_json, load
from credithub.domain.routing import Agencies, Agency

ROOT = Path(__file__).resolve().parents[3]
SHELF = ROOT / "schemas" / "catalogue"
SHIPPED = SHELF / "2026-illustrative.2"
BENCH = ROOT / "bench" / "catalogue"
EXAMPLES = sorted((SHELF / "examples").glob("*.json"))


@cache
def shipped() -> Catalogue:
    return load(SHIPPED)


def content() -> dict[str, Any]:
    """A copy of the shipped catalogue that a test may spoil."""
    return deepcopy(shipped().to_json())


def row(content: dict[str, Any], key: str, name: str) -> dict[str, Any]:
    """One row of it, by code or id."""
    return next(entry for entry in content[key] if name in (entry.get("code"), entry.get("id")))


def without(measure: str) -> Catalogue:
    spoilt = content()
    spoilt["measures"].remove(row(spoilt, "measures", measure))
    return from_json(spoilt)


def example(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def agencies(names: Iterable[str]) -> Agencies:
    """Agencies by their ids: `mnr-130822` is the office of `mnr` for 130822."""
    return Agencies(Agency(id=name, department=name.rpartition("-")[0], division=name[-6:]) for name in names)
