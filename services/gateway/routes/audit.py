"""Understands GET /v1/audit: every act of administration, newest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from services.gateway.answers import page
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.store.acts import read_audit

NEWEST = 2**63 - 1
EXAMPLE: dict[str, Any] = {
    "id": 12,
    "at": "2026-11-22T00:00:00Z",
    "actor": "k5q2…",
    "action": "key.disabled",
    "target": "a7d1…",
    "detail": {},
    "request": "01997f0e4ad87c5a9d3e0c6b8a1f2d47",
}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["registry 登记（运营）"])

    @router.get(
        "/v1/audit",
        summary="审计：谁在何时做了什么 · Audit: who did what, when",
        responses=documented_answer("一页 · One page", {"acts": [EXAMPLE], "next": None}),
    )
    async def audit(
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        action: Annotated[str | None, Query(max_length=64)] = None,
        after: Annotated[int, Query(ge=1, le=NEWEST, description="上一页的 next · `next` of the page before")] = NEWEST,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        parts.caller(authorization, "operator", "auditor")
        rows = await read_audit(parts.stores.database, before=after, limit=limit + 1, action=action)
        return page("acts", rows, limit, "id")

    return router
