"""Understands how an entry is judged by its stamps: read by the rules, held to its schema, and to the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from credithub import schemas
from credithub.domain.catalogue import Catalogue
from credithub.domain.events import CreditEvent, JsonObject, SubmittedEntry
from credithub.domain.feeds import Feeds, load
from credithub.domain.reasons import Reason
from services.ingest.rules import Blank, Context, Quarantine, normalise


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An entry that is not archived, why, and what its supplier may see of it again."""

    entry: SubmittedEntry
    reasons: Sequence[Reason]
    item: str | None
    body: JsonObject | None


@dataclass(slots=True)
class Judge:
    """Pure but for the schemas and feeds, which are read once."""

    feeds: Feeds
    schemas_root: Path | None = None

    @staticmethod
    def of(root: Path | None) -> Judge:
        """With the feeds and schemas of this folder; None: those shipped with the program."""
        return Judge(load(schemas.schemas_dir(root) / "feeds"), root)

    def __call__(self, entry: SubmittedEntry, catalogue: Catalogue) -> CreditEvent | Quarantined:
        outcome = normalise(entry, Context(feeds=self.feeds, items=frozenset(item.code for item in catalogue.items)))
        match outcome:
            case Quarantine():
                return Quarantined(entry, outcome.reasons, outcome.item, outcome.body or None)
            case Blank():  # the gateway sends none; one that comes all the same is not lost silently
                return Quarantined(entry, [Reason(code="row-malformed", row=entry.row)], None, None)
            case CreditEvent():
                reasons = self._reasons(entry, outcome, catalogue)
                return Quarantined(entry, reasons, outcome.item, outcome.data) if reasons else outcome

    def _reasons(self, entry: SubmittedEntry, event: CreditEvent, catalogue: Catalogue) -> list[Reason]:
        """What the rules of reading do not know: the schema, and whether this department owns the item."""
        if entry.form == "event" and (found := schemas.faults(event.kind, event.data, self.schemas_root)):
            return found
        department = entry.supplier.rsplit("-", 1)[0]
        if not catalogue.may_report(department, event.item):
            return [Reason(code="owner-not-allowed", value=event.item, row=entry.row)]
        return []
