"""Understands who may send which kind of event, as `x-by` of its schema says.

Whether a department determined the very record that it names, only the archive knows; the matcher asks that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from credithub.domain.catalogue import Catalogue
from credithub.domain.events import CreditEvent
from credithub.domain.reasons import Reason
from services.ingest.rules.readings import Reading, dig

HUB = "hub"  # operators, who speak for nobody, act as this supplier


def refusal(reading: Reading, event: CreditEvent, catalogue: Catalogue) -> Reason | None:
    """Why this supplier may not send this event; None where it may. One of several words suffices."""
    by: object = reading.by
    if isinstance(by, Mapping):
        by = _said(cast("Mapping[str, Any]", by), event)
    words = (by,) if isinstance(by, str) else cast("Sequence[str]", by)
    faults = [_fault(word, reading, event, catalogue) for word in words]
    return None if None in faults else faults[0]


def _said(by: Mapping[str, Any], event: CreditEvent) -> str:
    """Who, where it depends on the data: on a word that stands there, or on the division that it names."""
    if "division" in by:
        return "division:" + str(dig(event.data, str(by["division"]).split(".")))
    return str(by[dig(event.data, str(by["by"]).split("."))])


def _fault(word: str, reading: Reading, event: CreditEvent, catalogue: Catalogue) -> Reason | None:
    department, _, division = event.supplier.rpartition("-")
    match word:
        case "anyone":
            return None
        case "hub":
            return None if event.supplier == HUB else Reason(code="owner-not-allowed", value=reading.kind)
        case "court":
            found = catalogue.department(department)
            return None if found and found.kind == "court" else Reason(code="owner-not-allowed", value=reading.kind)
        case "owner" | "determining":
            return _owner(word, event, department, catalogue)
        case _:
            named = word.partition(":")[2]
            return None if division == named else Reason(code="scope-not-yours", value=named)


def _owner(word: str, event: CreditEvent, department: str, catalogue: Catalogue) -> Reason | None:
    """A record named by its id has no item yet: whose it is, the matcher sees. The hub determines nothing."""
    if department and (not event.item or catalogue.may_report(department, event.item)):
        return None
    code = "owner-not-allowed" if word == "owner" else "not-determining-department"
    return Reason(code=code, value=event.item or None)
