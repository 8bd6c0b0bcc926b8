"""Understands a case beyond its own seat: a department asks regions to join, each accepts or declines with a reason."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path
from starlette.requests import Request
from starlette.responses import Response

from credithub.domain.events import JsonObject
from credithub.http.problem import Problem
from services.gateway.answers import answer
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.routes.changes import PAPER
from services.gateway.routes.entitled import own_record, record_of
from services.gateway.routes.events import PostEvents
from services.gateway.routes.sending import RECORD_MEMBER, Act, Sending, documented, form_of, paper_number, text_of

INITIATED: JsonObject = {
    "record": "rec_5n3c",
    "scope": ["130900", "120000"],
    "reason": "该主体在京津冀多地经营",
    "basis": {"document": "国办发〔2020〕49号", "clause": "五(九)"},
    "document": PAPER,
}
ANSWERED: JsonObject = {"answer": "declined", "reason": "该主体在本市无登记、无经营"}
EXAMPLE: JsonObject = {
    "case_id": "cas_hzjm3nyxkp2qv7ulbw4t6ode",
    "record": "rec_5n3c",
    "item": "judgment-debtor",
    "opened_at": "2026-11-20T01:00:00Z",
    "closed_at": None,
    "scopes": [{"division": "130900", "state": "accepted", "answered_by": "mnr-130900"}],
}


def routes(parts: Parts, post: PostEvents) -> APIRouter:
    router = APIRouter(tags=["cases 联合奖惩案件"])
    _acts(router, parts, Sending(parts, post))

    @router.get(
        "/v1/cases/{case}",
        summary="一件案件：被邀区域及其答复 · A case: the regions asked, and what each answered",
        responses=documented_answer("案件 · The case", EXAMPLE),
    )
    async def one_case(
        case: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization)
        row = await parts.stores.archive.case(case)
        if row is None:
            raise Problem("not-found")
        scopes = await parts.stores.archive.scopes(row["organisation_code"], case)
        asked = {scope["division"] for scope in scopes}
        if not (grant.sees_all or grant.division in asked):
            await own_record(parts, grant, row["record"])
        return answer({**row, "scopes": scopes})

    return router


def _acts(router: APIRouter, parts: Parts, sending: Sending) -> None:
    @router.post(
        "/v1/cases",
        summary="跨区域发起：列明区划、理由与依据 · Initiate beyond one's own seat: divisions, reason, basis",
        **documented("case.initiated", "case", INITIATED, also=RECORD_MEMBER),
    )
    async def initiate(
        request: Request, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
    ) -> Response:
        grant = parts.caller(authorization, "supplier")
        body = await form_of(request, parts)
        record = text_of(body, "record")
        row = await own_record(parts, grant, record)
        act = Act(kind="case.initiated", group="case", said=body, subject=row, record=record,
                  number=paper_number(body), needs_paper=True, told={"record": record})  # fmt: skip
        return await sending.send(request, grant, str(grant.supplies), act)

    @router.post(
        "/v1/cases/{case}/scope-answers",
        summary="区域答复：接受，或不接受并说明理由 · A region's answer: accepted, or declined with a reason",
        **documented("case.scope-answered", "case", ANSWERED, without=("division",)),
    )
    async def answer_scope(
        request: Request,
        case: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "agency")
        row = await parts.stores.archive.case(case)
        if row is None:
            raise Problem("not-found")
        scopes = await parts.stores.archive.scopes(row["organisation_code"], case)
        if grant.division not in {scope["division"] for scope in scopes}:
            raise Problem("not-found")
        said = await form_of(request, parts) | {"division": grant.division}
        subject = await record_of(parts, row["record"])
        act = Act(kind="case.scope-answered", group="case", said=said, subject=subject, record=row["record"],
                  number=f"{case}/{grant.division}", told={"case_id": case, "division": grant.division})  # fmt: skip
        return await sending.send(request, grant, str(grant.acts), act)
