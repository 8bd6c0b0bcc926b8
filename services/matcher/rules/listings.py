"""Understands what an entry on a list must have had before it: notice given, and its waiting time over.

国办发〔2020〕49号 四(八): before listing, the party is told the facts, the basis and its rights.
"""

from __future__ import annotations

from datetime import date
from typing import TypeAlias

from credithub.domain.catalogue import Catalogue
from credithub.domain.events import CreditEvent
from credithub.domain.text import fold_document_number
from services.matcher.rules.records import Refused

NoticeKey: TypeAlias = tuple[str, str, str, str]  # (organisation code, list type, folded number, issuer)


def demands_notice(event: CreditEvent, catalogue: Catalogue) -> bool:
    if event.role != "entry":
        return False
    list_type = catalogue.list_type_of(event.item)
    return list_type is not None and "notice" in list_type.demands


def notice_key(organisation_code: str, event: CreditEvent, issuer: str) -> NoticeKey:
    """The key of the notice that this event gives."""
    return (organisation_code, event.item, fold_document_number(str(event.data["listing"]["number"])), issuer)


def notice_of(organisation_code: str, event: CreditEvent, issuer: str) -> NoticeKey:
    """The key of the notice that this entry refers to."""
    number = str(event.data.get("listing", {}).get("notice_number") or "")
    return (organisation_code, event.item, fold_document_number(number), issuer)


def given_on(event: CreditEvent) -> date:
    return date.fromisoformat(event.data["listing"]["given_on"])


def too_early(event: CreditEvent, open_from: date | None) -> Refused | None:
    """Why the entry cannot stand: no notice, or decided before the waiting time was over."""
    listing = event.data.get("listing", {})
    if open_from is None:
        return Refused(code="listing-notice-missing", field="listing.notice_number", value=listing.get("notice_number"))
    listed = str(listing.get("listed_on") or event.document.get("decided_on") or "")
    if listed <= open_from.isoformat():
        return Refused(code="listing-notice-too-early", field="listing.listed_on", value=open_from.isoformat())
    return None
