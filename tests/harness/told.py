"""Understands how to make a notification in a test: everything has a default, name only what matters."""

from __future__ import annotations

from typing import Any

from credithub.domain.notifications import Notification, lane_of, message_id

AGENCY = "mnr-130822"


def notification(version: int = 1, **given: Any) -> Notification:
    """The first version triggers; `state` says what later ones carry."""
    epoch, obligation = given.get("epoch", 1), given.get("obligation", "obl_one")
    state = given.get("state", "triggered")
    kind = given.get("kind", state if state != "triggered" else "triggered" if version == 1 else "corrected")
    values: dict[str, Any] = {
        "message": message_id(obligation, epoch, version),
        "kind": kind,
        "agency": AGENCY,
        "obligation": obligation,
        "epoch": epoch,
        "version": version,
        "state": state,
        "lane": lane_of(state),
        "case": "cas_one",
        "round": 1,
        "measure": {"id": "M-01", "name_zh": "限制参与招标投标", "name_en": "No bidding"},
        "subject": {"unified_code": "91130822MAPDY00011", "name": "承德演示甲有限公司"},
        "record": {"id": "rec_one", "item": "judgment-debtor", "kind": "judgment-debtor.listed", "version": 1},
        "due_on": None,
        "catalogue": "demo-1",
        "rule": "nearest level",
        "issued_at": "2026-07-01T08:00:00.000000Z",
    }
    return Notification(**{**values, **given})


def lift(version: int = 2, **given: Any) -> Notification:
    return notification(version, **{"state": "lifted", "kind": "lifted", **given})


def suspension(version: int = 2, **given: Any) -> Notification:
    return notification(version, **{"state": "suspended", "kind": "suspended", **given})


def reminder(version: int = 1, **given: Any) -> Notification:
    obligation = given.get("obligation", "obl_one")
    return notification(version, **{"kind": "reminder", "message": f"rem.{obligation}.{version}", **given})


def refusal(message: str = "refused.1", **given: Any) -> Notification:
    return notification(0, **{"kind": "feedback-refused", "message": message, "obligation": "obl_unknown", **given})


def escalation(message: str = "escalated.obl_one.1", **given: Any) -> Notification:
    """To the superior, of what its agency has not answered."""
    version = given.pop("version", 1)
    said = {"code": "overdue", "agency": AGENCY, "since": "2026-07-01"}
    return notification(
        version, **{"kind": "escalated", "message": message, "subject": {}, "record": {}, "reason": said, **given}
    )
