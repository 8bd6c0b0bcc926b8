"""Understands how the reading of one entry ends, when it does not end in a credit event."""

from __future__ import annotations

from dataclasses import dataclass

from credithub.domain.events import JsonObject
from credithub.domain.feeds import Feeds
from credithub.domain.reasons import Reason
from services.ingest.rules.readings import Kinds


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What an entry is judged by besides its own stamp."""

    feeds: Feeds
    kinds: Kinds
    items: frozenset[str] | None = None  # of the stamped catalogue; None: not asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Not archived, and why. `body`: cells or data as they came, without persons' numbers; empty for a person's row."""

    reasons: tuple[Reason, ...]
    item: str | None
    body: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Blank:
    """No entry at all: an empty row, or one that explains the table."""
