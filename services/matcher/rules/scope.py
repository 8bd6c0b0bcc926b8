"""Understands who may ask other regions to join a case, and who may answer for a region."""

from __future__ import annotations

from collections.abc import Mapping

from credithub.domain.catalogue import Catalogue
from credithub.domain.divisions import is_known
from credithub.domain.events import CreditEvent
from services.matcher.rules.life import determines, office
from services.matcher.rules.records import Life, Refused


def refusal(event: CreditEvent, life: Life, catalogue: Catalogue, asked: Mapping[str, str]) -> Refused | None:
    """Why the event is not taken. `asked`: the regions of the case, each with its state."""
    if life.state != "active":
        return Refused(code="record-ended", field="record", value=life.state)
    if event.kind == "case.initiated":
        return _initiated(event, life, catalogue)
    return _answered(event, asked)


def _initiated(event: CreditEvent, life: Life, catalogue: Catalogue) -> Refused | None:
    if not determines(life, event.supplier, catalogue):
        return Refused(code="not-determining-department", field="record", value=life.record)
    if not catalogue.measures_for(life.item):
        return Refused(code="measure-outside-list", field="record", value=life.item)
    unknown = next((d for d in event.data["case"]["scope"] if not is_known(d)), None)
    return Refused(code="seat-unknown", field="case.scope", value=unknown) if unknown else None


def _answered(event: CreditEvent, asked: Mapping[str, str]) -> Refused | None:
    said = event.data["case"]
    division = said["division"]
    if office(event.supplier)[1] != division or division not in asked:
        return Refused(code="scope-not-yours", field="case.division", value=division)
    if asked[division] != "asked":
        return Refused(code="conflict", field="case.answer", value=asked[division])
    if said["answer"] == "declined" and not said.get("reason"):
        return Refused(code="reason-required", field="case.reason")
    return None
