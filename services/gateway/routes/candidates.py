"""Understands the queue in which a person says whom a name means: candidates with what speaks for and against each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.requests import Request
from starlette.responses import Response

from credithub.domain.candidates import compare
from credithub.domain.events import JsonObject
from credithub.domain.text import fold_name
from credithub.http.problem import Problem
from services.gateway.answers import page
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.routes.events import PostEvents
from services.gateway.routes.sending import HUB, Act, Sending, documented, form_of, text_of
from services.gateway.routes.subjects import found_by
from services.gateway.store.database import Row

DECISION: JsonObject = {
    "source": "//samr-130822/penalties",
    "id": "2026-0417",
    "subject": "91130822PDY9010105",
    "decision": "confirmed",
    "reason": "经与报送单位核对营业执照",
}
SUBJECT_MEMBER: JsonObject = {
    "subject": {"type": "string", "maxLength": 64, "title": "所指主体的任一代码 / Any code of the subject meant"}
}
EXAMPLE: JsonObject = {
    "source": "//samr-130822/penalties",
    "id": "2026-0417",
    "name": "兴隆县示例建材有限公司",
    "item": "penalty",
    "supplier": "samr-130822",
    "since": "2026-11-20T01:00:00Z",
    "candidates": [
        {
            "subject": {"unified_code": "91130822PDY9010105", "name": "兴隆县示例建材有限公司（演示）"},
            "speaks_for": [{"code": "same-division", "text_zh": "与报送单位同在 130822", "text_en": "…"}],
            "speaks_against": [{"code": "name-different", "text_zh": "名称不同", "text_en": "another name"}],
        }
    ],
}


def routes(parts: Parts, post: PostEvents) -> APIRouter:
    router = APIRouter(tags=["candidates 待核定名称"])
    _decision(router, parts, Sending(parts, post))

    @router.get(
        "/v1/candidates",
        summary="待核定的名称：候选主体，利弊陈述，不评分 · Names to confirm: candidates, what speaks for and against",
        description=(
            "只凭名称到达的条目等待人工核定；以 POST /v1/identities 作出决定。没有候选不表示没有记录。"
            " Entries that came with a name alone wait for a person, who decides by POST /v1/identities. No candidate"
            " means nothing about the subject."
        ),
        responses=documented_answer("一页 · One page", {"candidates": [EXAMPLE], "next": None}),
    )
    async def list_candidates(
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        after: Annotated[str, Query(max_length=1024, description="上一页的 next · `next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=50)] = 20,
    ) -> Response:
        parts.caller(authorization, "operator", "auditor")
        await parts.stores.names.take_up()
        rows = await parts.stores.names.waiting(after=after, limit=limit + 1)
        return page("candidates", await _compared(parts, rows), limit, "place")

    return router


def _decision(router: APIRouter, parts: Parts, sending: Sending) -> None:
    @router.post(
        "/v1/identities",
        summary="核定名称所指：是或否，附理由 · Decide whom a name means: confirm or refuse a candidate, with the reason",
        **documented("identity.confirmed", "identity", DECISION, also=SUBJECT_MEMBER),
    )
    async def decide_on_name(
        request: Request, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
    ) -> Response:
        grant = parts.caller(authorization, "operator")
        body = await form_of(request, parts)
        subject = (await found_by(parts, text_of(body, "subject"))).subject
        source, id_ = str(body.get("source", "")), str(body.get("id", ""))
        if source and id_ and await parts.stores.names.waits(source, id_) is None:
            raise Problem("not-found")
        number = f"{source}#{id_}"[:128]
        act = Act(kind="identity.confirmed", group="identity", said=body, subject=subject, number=number)
        return await sending.send(request, grant, HUB, act)


async def _compared(parts: Parts, rows: Sequence[Row]) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    for row in rows:
        found = await parts.stores.names.candidates(row["name"] or "")
        known: dict[str, list[Row]] = {}
        codes = [each["organisation_code"] for each in found]
        for each in await parts.stores.archive.identifiers(codes):
            known.setdefault(each["organisation_code"], []).append(each)
        told.append({**row, "candidates": _weighed(row, found, known)})
    return told


def _weighed(entry: Row, found: Sequence[Row], known: Mapping[str, Sequence[Row]]) -> list[dict[str, Any]]:
    alike = sum(fold_name(row["name"] or "") == fold_name(entry["name"] or "") for row in found)
    told: list[dict[str, Any]] = []
    for row in found:
        held = [{"scheme": "unified_code", "value": row["unified_code"]}] if row["unified_code"] else []
        subject = {**row, "identifiers": [*held, *known.get(row["organisation_code"], ())]}
        told.append({"subject": row, **asdict(compare(entry, subject, alike=alike))})
    return told
