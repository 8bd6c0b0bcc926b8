"""Understands which epochs were ever used, kept outside the database: a restore must not use one again (law of row 35)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypedDict, cast

from credithub.embedded.passwords import private
from credithub.errors import ConfigurationError

FILE = "epochs.json"


class Raised(TypedDict):
    """One restore."""

    epoch: int
    at: str
    dump: str


def highest(data: Path) -> int:
    """The highest epoch that this folder has seen a restore use; 1 where there was none."""
    return max((one["epoch"] for one in raised(data)), default=1)


def raised(data: Path) -> list[Raised]:
    """Every restore begun here, oldest first. An unreadable file is an error, never nothing."""
    file = data / FILE
    if not file.exists():
        return []
    try:
        return cast("list[Raised]", json.loads(file.read_text(encoding="utf-8"))["raised"])
    except (ValueError, KeyError, TypeError) as problem:
        raise ConfigurationError(f"读不懂 / cannot be read: {file}") from problem


def keep(data: Path, one: Raised) -> None:
    """Written before the database is: an epoch that was about to be used counts as used."""
    private(data / FILE, json.dumps({"raised": [*raised(data), one]}, ensure_ascii=False, indent=1))
