"""Understands GET /v1/holding: which agencies still hold what was suspended or has ended, and for how many hours."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header
from starlette.responses import Response

from services.gateway.answers import answer
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts

HOLDER: dict[str, Any] = {
    "agency": "mnr-130822",
    "number": 3,
    "lifting": 2,
    "suspended": 1,
    "oldest": "2026-11-20T01:00:00Z",
    "hours": 47.5,
    "reminded": 1,
}
EXAMPLE: dict[str, Any] = {"known": True, "total": 3, "hours": 47.5, "holding": [HOLDER]}
UNKNOWN: dict[str, Any] = {
    "known": False,
    "state": "unknown",
    "total": None,
    "hours": None,
    "holding": None,
    "detail_zh": "恢复后正在追赶：此刻无法断言谁仍在执行。",
    "detail": "Catching up after a restore: who still holds cannot be told at this moment.",
}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["obligations 响应任务"])

    @router.get(
        "/v1/holding",
        summary="仍在执行：各单位项数与时长 · Still holding: by agency, how many and for how many hours",
        description=(
            "已告知中止或解除而尚未确认的。响应单位只见本单位一行。恢复后追赶期间答 unknown。"
            " Told of a suspension or an end, and not confirmed. An agency sees its own line. While catching up after a"
            " restore the answer is `unknown`."
        ),
        responses=documented_answer("汇总 · The summary", EXAMPLE),
    )
    async def holding(authorization: Annotated[str | None, Header(include_in_schema=False)] = None) -> Response:
        grant = parts.caller(authorization, "agency", "operator", "auditor")
        if await parts.stores.obligations.catching_up():
            return answer(UNKNOWN)
        rows = await parts.stores.obligations.holding(agency=None if grant.sees_all else grant.acts)
        hours = max((row["hours"] for row in rows), default=0.0)
        return answer({"known": True, "total": sum(row["number"] for row in rows), "hours": hours, "holding": rows})

    return router
