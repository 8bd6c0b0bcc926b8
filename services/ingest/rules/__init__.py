"""Understands the one decision of this room: what a submitted entry is, a credit event, a problem, or nothing.

Pure and deterministic: the same entry and stamp always give the same outcome. Content problems are never exceptions.
"""

from __future__ import annotations

from dataclasses import replace

from credithub.domain.events import CreditEvent, JsonObject, SubmittedEntry
from credithub.domain.reasons import Reason
from services.ingest.rules.events import read_event
from services.ingest.rules.outcomes import Blank, Context, Quarantine
from services.ingest.rules.readings import Kinds, Reading, reading_of
from services.ingest.rules.rows import read_row, shown_row

__all__ = ["Blank", "Context", "Kinds", "Quarantine", "Reading", "normalise", "reading_of"]

_LISTS = frozenset({"entry", "exit", "notice"})


def normalise(entry: SubmittedEntry, context: Context) -> CreditEvent | Quarantine | Blank:
    """Reads one entry, a raw row or a CloudEvent, by the versions it is stamped with."""
    if entry.form != "row":
        outcome = read_event(entry, context.kinds)
    elif mapping := context.feeds.get(str(entry.body.get("feed")), entry.mapping):
        outcome = read_row(entry, mapping, context.kinds)
    else:
        outcome = Quarantine(reasons=(Reason(code="mapping-unknown", row=entry.row),), item=None, body={})
    if isinstance(outcome, Blank) or not outcome.item or (code := _forbidden(entry, outcome.item, context)) is None:
        return outcome
    reason = Reason(code=code, value=outcome.item, row=entry.row)
    if isinstance(outcome, Quarantine):
        return replace(outcome, reasons=(*outcome.reasons, reason))
    return Quarantine(reasons=(*outcome.warnings, reason), item=outcome.item, body=_body(entry, outcome, context))


def _forbidden(entry: SubmittedEntry, item: str, context: Context) -> str | None:
    """Why the catalogue, or the supplier's key, does not let this item be reported."""
    reading = None if entry.form == "row" else context.kinds.by_type.get(entry.body.get("type", ""))
    if context.items is not None and item not in context.items:
        of_list = reading is not None and reading.item is None and reading.role in _LISTS
        return "list-type-unknown" if of_list else "item-not-in-catalogue"
    if reading is not None and not reading.owners_only:  # whoever else may send it is known by more than the key
        return None
    return None if item in entry.allowed_items else "owner-not-allowed"


def _body(entry: SubmittedEntry, event: CreditEvent, context: Context) -> JsonObject:
    mapping = context.feeds.get(str(entry.body.get("feed")), entry.mapping) if entry.form == "row" else None
    return shown_row(entry, mapping) if mapping else event.data
