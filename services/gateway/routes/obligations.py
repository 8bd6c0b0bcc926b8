"""Understands GET /v1/obligations and POST /v1/obligations/{id}/feedback: what an agency owes, and its answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Header, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from credithub import schemas
from credithub.clock import stamp
from credithub.domain.notifications import Feedback
from credithub.domain.persons import contains_person_number
from credithub.domain.reasons import Reason
from credithub.http.problem import Problem
from credithub.ids import uuid7
from credithub.topics import FEEDBACK
from services.gateway.answers import answer, page
from services.gateway.bodies import documented_answer, json_body
from services.gateway.parts import Parts
from services.gateway.rules import Grant
from services.gateway.store.database import Row

State = Literal[
    "triggered", "delivered", "acknowledged", "executed", "declined", "lifting", "lifted", "cancelled", "unrouted"
]
EXAMPLE: dict[str, Any] = {
    "obligation": "obl_hzjm3nyxkp2qv7ulbw4t6ode",
    "agency": "mnr-130822",
    "state": "delivered",
    "epoch": 1,
    "version": 1,
    "due_on": "2026-12-02",
    "overdue": False,
    "suspended": False,
    "still_holding": False,
    "holding_since": None,
    "holding_hours": None,
}
FEEDBACK_EXAMPLE = {"epoch": 1, "version": 1, "answer": "acknowledged", "happened_on": "2026-11-23"}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["obligations 响应任务"])

    @router.get(
        "/v1/obligations",
        summary="响应任务列表 · Obligations: an agency's own, or all for operators",
        responses=documented_answer("一页 · One page", {"obligations": [EXAMPLE], "next": None}),
    )
    async def list_obligations(
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        state: Annotated[State | None, Query(description="状态 · State")] = None,
        still_holding: Annotated[
            bool | None, Query(description="已告知中止或解除而未确认 · Suspension or end told, not confirmed")
        ] = None,
        overdue: Annotated[bool | None, Query(description="逾期未反馈 · Past its due date, not answered")] = None,
        suspended: Annotated[bool | None, Query(description="中止中 · Suspended")] = None,
        agency: Annotated[str | None, Query(max_length=64, description="仅运营方 · For operators only")] = None,
        after: Annotated[str, Query(max_length=256, description="上一页的 next · `next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        grant = parts.caller(authorization, "agency", "operator", "auditor")
        whose = agency if grant.sees_all else grant.acts
        if state == "unrouted":  # nobody's yet, so no agency's
            parts.caller(authorization, "operator", "auditor")
            unrouted = await parts.stores.obligations.unrouted(after=after, limit=limit + 1)
            return page("obligations", unrouted, limit, "place")
        rows = await parts.stores.obligations.obligations(
            agency=whose, state=state, holding=still_holding, overdue=overdue, suspended=suspended, after=after,
            limit=limit + 1,
        )  # fmt: skip
        return page("obligations", await _known(parts, rows), limit, "obligation")

    @router.get(
        "/v1/obligations/{obligation}",
        summary="一项响应任务及其反馈 · One obligation with its feedback",
        responses=documented_answer("任务 · The obligation", {**EXAMPLE, "feedback": [FEEDBACK_EXAMPLE]}),
    )
    async def one_obligation(
        obligation: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "agency", "operator", "auditor")
        (row,) = await _known(parts, [await _own(parts, grant, obligation)])
        return answer({**row, "feedback": await parts.stores.obligations.feedback([obligation])})

    @router.post(
        "/v1/obligations/{obligation}/feedback",
        status_code=202,
        summary="反馈 · Answer an obligation: acknowledged, executed, declined, suspension or lift confirmed",
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "application/json": {"schema": _body_schema(), "example": FEEDBACK_EXAMPLE},
                },
            }
        },
        responses=documented_answer(
            "已收到，由匹配服务判定；不符的以 feedback-refused 通知返回"
            " · Received; the matcher judges it, a wrong one comes back as a feedback-refused notification",
            {"feedback": "01997f0e4ad87c5a9d3e0c6b8a1f2d47", "obligation": "obl_hzjm3nyxkp2qv7ulbw4t6ode"},
            202,
        ),
    )
    async def post_feedback(
        request: Request,
        obligation: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "agency")
        data = await json_body(request, parts)
        _check(data, obligation)
        await _own(parts, grant, obligation)
        feedback = _feedback(data, obligation, str(grant.acts))
        await _send(parts, feedback)
        return answer({"feedback": feedback.id, "obligation": obligation}, 202)

    return router


async def _known(parts: Parts, rows: Sequence[Row]) -> list[Row]:
    """While catching up after a restore, whether anybody still holds is unknown: null, not false."""
    if rows and await parts.stores.obligations.catching_up():
        return [{**row, "still_holding": None, "holding_since": None, "holding_hours": None} for row in rows]
    return list(rows)


async def _own(parts: Parts, grant: Grant, obligation: str) -> Row:
    """The same 404 for what is another agency's as for what is nobody's."""
    row = await parts.stores.obligations.obligation(obligation)
    if row is None or not (grant.sees_all or row["agency"] == grant.acts):
        raise Problem("not-found")
    return row


def _check(data: Any, obligation: str) -> None:
    """Judged by the public schema of the kind, with the obligation taken from the address."""
    whole = {"obligation": obligation, **cast("dict[str, Any]", data)} if isinstance(data, dict) else data
    faults = schemas.faults("obligation.feedback", whole)
    if not faults and whole["obligation"] != obligation:
        faults = [Reason(code="form-wrong", field="obligation")]
    if not faults and any(contains_person_number(text) for text in _texts(whole)):
        faults = [Reason(code="person-number-in-field", field="document")]
    if faults:
        raise Problem("request-invalid", reasons=faults)


def _texts(data: dict[str, Any]) -> list[str]:
    document: dict[str, Any] = data.get("document") or {}
    texts: list[Any] = [data.get("reason"), *document.values()]
    return [text for text in texts if isinstance(text, str)]


def _feedback(data: dict[str, Any], obligation: str, agency: str) -> Feedback:
    return Feedback(
        id=uuid7(),
        agency=agency,
        obligation=obligation,
        epoch=data["epoch"],
        version=data["version"],
        answer=data["answer"],
        reason=data.get("reason"),
        document=data.get("document"),
        happened_on=data.get("happened_on"),
        received_at=stamp(),
        via="http",
    )


async def _send(parts: Parts, feedback: Feedback) -> None:
    if not parts.line.up:
        raise Problem("kafka-away")
    sent = await parts.line.send(FEEDBACK.name, [(feedback.obligation.encode(), feedback.to_bytes())])
    if not all(sent):
        raise Problem("kafka-away")


def _body_schema() -> dict[str, Any]:
    schema = dict(schemas.schema("obligation.feedback"))
    schema["required"] = [name for name in schema["required"] if name != "obligation"]
    return {name: value for name, value in schema.items() if name != "$schema"}
