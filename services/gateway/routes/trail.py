"""Understands GET /v1/trail: everything that happened to one event, stage by stage, with the clause behind each duty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from credithub.http.problem import Problem
from services.gateway.answers import answer
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.rules import spoken_all
from services.gateway.store.database import Row

PLAIN_OBLIGATION = (
    "obligation", "measure", "department", "agency", "state", "suspended", "version", "due_on", "answer", "answered_at",
    "reason", "catalogue", "rule", "clause", "still_holding", "holding_since", "created_at", "updated_at",
)  # fmt: skip
EXAMPLE: dict[str, Any] = {
    "source": "//court-130822/lists",
    "id": "2026-000017",
    "arrivals": [{"submission": "sub_…", "index": 0, "state": "archived", "received_at": "…", "reasons": []}],
    "record": {"record": "rec_…", "item": "judgment-debtor", "state": "active", "version": 1},
    "cases": [
        {"case_id": "cas_…", "obligations": [{"obligation": "obl_…", "agency": "mnr-130822", "state": "executed"}]}
    ],
    "notifications": [],
    "deliveries": [],
    "attempts": [],
    "feedback": [],
}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["trail 轨迹"])

    @router.get(
        "/v1/trail",
        summary="轨迹：一条事件在每个环节的经过 · The trail of one event at every stage",
        description=(
            "报送单位查自己的 source；运营与审计查全部。文件行的 id 为「文件摘要#行号」。"
            " Suppliers ask about their own sources, operators and auditors about all. A file row's id is"
            " `<digest of the file>#<row>`."
        ),
        responses=documented_answer("经过 · What happened", EXAMPLE),
    )
    async def trail(
        source: Annotated[str, Query(max_length=512)],
        id_: Annotated[str, Query(alias="id", max_length=256)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "supplier", "operator", "auditor")
        arrivals = await parts.stores.submissions.of_entry(source, id_)
        if not grant.sees_all:
            arrivals = [row for row in arrivals if row["supplier"] == grant.supplies]
        if not arrivals:
            raise Problem("not-found")
        told = [{**row, "reasons": spoken_all(row["reasons"])} for row in arrivals]
        return answer({"source": source, "id": id_, "arrivals": told, **await _after(parts, arrivals)})

    return router


async def _after(parts: Parts, arrivals: Sequence[Row]) -> dict[str, Any]:
    """What followed once it was archived."""
    place = next(
        ((row["subject"], row["record"]) for row in reversed(arrivals) if row["record"] and row["subject"]), None
    )
    if place is None:
        return {"record": None, "cases": [], "notifications": [], "deliveries": [], "attempts": [], "feedback": []}
    archive, told, owed = parts.stores.archive, parts.stores.told, parts.stores.obligations
    obligations = await owed.obligations_of(place[0], record=place[1], agency=None)
    pairs = [(row["agency"], row["obligation"]) for row in obligations if row["obligation"] is not None]
    notifications = await told.notifications(pairs)
    messages = [(row["agency"], row["message"]) for row in notifications]
    return {
        "record": await archive.record(*place),
        "cases": [_case(case, obligations) for case in await archive.cases(*place)],
        "notifications": notifications,
        "deliveries": await told.deliveries(messages),
        "attempts": await told.attempts(messages),
        "feedback": await owed.feedback([obligation for _, obligation in pairs]),
    }


def _case(case: Row, obligations: Sequence[Row]) -> dict[str, Any]:
    mine = [row for row in obligations if row["case_id"] == case["case_id"]]
    return {**case, "obligations": [{name: row[name] for name in PLAIN_OBLIGATION} for row in mine]}
