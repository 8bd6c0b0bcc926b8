"""Understands how an entry is judged by its stamps: read by the rules, held to its schema, and to the catalogue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from credithub import schemas
from credithub.domain.catalogue import Catalogue
from credithub.domain.events import CreditEvent, JsonObject, SubmittedEntry
from credithub.domain.feeds import Feeds, load
from credithub.domain.reasons import Reason
from services.ingest.rules import Blank, Context, Kinds, Quarantine, Reading, normalise
from services.ingest.rules.listings import unmet
from services.ingest.rules.readings import dig
from services.ingest.rules.senders import refusal

Fact: TypeAlias = tuple[tuple[str, ...], Reading, JsonObject]


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
    kinds: Kinds
    schemas_root: Path | None = None

    @staticmethod
    def of(root: Path | None) -> Judge:
        """With the feeds and schemas of this folder; None: those shipped with the program."""
        kinds = Kinds(schemas.schema(kind, root) for kind in schemas.kinds(root))
        return Judge(load(schemas.schemas_dir(root) / "feeds"), kinds, root)

    def __call__(self, entry: SubmittedEntry, catalogue: Catalogue) -> CreditEvent | Quarantined:
        outcome = normalise(entry, Context(feeds=self.feeds, kinds=self.kinds, items=_items(catalogue)))
        match outcome:
            case Quarantine():
                return Quarantined(entry, outcome.reasons, outcome.item, outcome.body or None)
            case Blank():  # the gateway sends none; one that comes all the same is not lost silently
                return Quarantined(entry, [Reason(code="row-malformed", row=entry.row)], None, None)
            case CreditEvent():
                reasons = self._reasons(entry, outcome, catalogue)
                return Quarantined(entry, reasons, outcome.item, outcome.data) if reasons else outcome

    def _reasons(self, entry: SubmittedEntry, event: CreditEvent, catalogue: Catalogue) -> list[Reason]:
        """What the rules of reading do not know: the schema, and whether this sender may say it."""
        reading = self.kinds.by_name[event.kind]
        if entry.form == "event" and (found := schemas.faults(event.kind, event.data, self.schemas_root)):
            return found
        if reading.corrections and (found := list(self._corrections(reading, event))):
            return found
        if refused := refusal(reading, event, catalogue):
            return [replace(refused, row=entry.row)]
        if reading.plain and "tolerance" not in event.data:
            return []
        facts = [((), reading, event.data), *self._corrected(reading, event)]
        return [
            replace(reason, row=entry.row, field=".".join((*path, reason.field or "")))
            for path, kind, data in facts
            for reason in unmet(kind, data, kind.item_of(data), event.supplier, catalogue)
        ]

    def _corrected(self, reading: Reading, event: CreditEvent) -> list[Fact]:
        """The facts that an event corrects: where they stand in it, what kind they are, and the whole of each."""
        fixed = {part: event.data[part] for part in ("subject", "document")}
        said = [((*path, "data"), dig(event.data, path)) for path in reading.corrections]
        return [(path, self.kinds.by_name[each["kind"]], each["data"] | fixed) for path, each in said if each]

    def _corrections(self, reading: Reading, event: CreditEvent) -> Iterator[Reason]:
        """A corrected fact is held to the schema of its own kind, with the subject it has."""
        for path, kind, data in self._corrected(reading, event):
            if event.item and kind.item_of(data) != event.item:
                yield Reason(code="correction-mismatch", field=".".join((*path[:-1], "kind")), value=kind.kind)
            for fault in schemas.faults(kind.kind, data, self.schemas_root):
                yield replace(fault, field=".".join((*path, fault.field or "")))


@lru_cache(maxsize=64)
def _items(catalogue: Catalogue) -> frozenset[str]:
    return frozenset(item.code for item in catalogue.items)
