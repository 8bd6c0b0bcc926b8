"""Understands applications for repair at the door: one window, free of charge, decided by whoever determined the record."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from credithub.domain import pending
from credithub.domain.events import JsonObject
from services.gateway.answers import answer, page
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.routes.entitled import own_record, plain, record_of
from services.gateway.routes.events import PostEvents
from services.gateway.routes.objections import one_of, subject_codes
from services.gateway.routes.sending import HUB, RECORD_MEMBER, Act, Sending, documented, form_of, number_of, text_of
from services.gateway.store.database import Row
from services.gateway.store.life import Wanted

State = Literal["applied", "granted", "refused", "overtaken"]
APPLIED: JsonObject = {
    "record": "rec_5n3c",
    "number": "修〔2026〕8号",
    "commitment": True,
    "duty_done_on": "2026-10-08",
    "duty_document": "罚款缴纳凭证",
    "statement": "罚款已缴清，违法行为已改正",
}
DECIDED: JsonObject = {
    "outcome": "granted",
    "reason": "符合修复条件",
    "document": {"number": "兴市监信修〔2026〕8号", "issuer": "兴隆县市场监督管理局", "decided_on": "2026-11-20"},
}
EXAMPLE: JsonObject = APPLIED | {
    "repair": "修〔2026〕8号",
    "state": "applied",
    "determining": "samr-130822",
    "due_on": "2026-12-04",
    "next": [{"who": "samr-130822", "what": "decide", "due_on": "2026-12-04", "late": False}],
}


def routes(parts: Parts, post: PostEvents) -> APIRouter:
    router = APIRouter(tags=["repairs 信用修复"])
    _acts(router, parts, Sending(parts, post))

    @router.get(
        "/v1/repairs",
        summary="修复申请列表，含下一步与期限 · Applications for repair, with what must be done next and until when",
        description=(
            "运营与审计见全部；其余仅见自己代收的，或由本单位认定的记录的。办理不收取任何费用。"
            " Operators and auditors see all; others those they filed or have to decide. Nothing is charged."
        ),
        responses=documented_answer("一页 · One page", {"repairs": [EXAMPLE], "next": None}),
    )
    async def list_repairs(
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        state: Annotated[State | None, Query(description="状态 · State")] = None,
        record: Annotated[str | None, Query(max_length=64)] = None,
        subject: Annotated[str | None, Query(max_length=64, description="任一种代码 · Any of its codes")] = None,
        mine: Annotated[
            Literal["to-decide", "late"] | None, Query(description="待决定或逾期 · To be decided, or late")
        ] = None,
        after: Annotated[str, Query(max_length=256, description="上一页的 next · `next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        grant = parts.caller(authorization)
        wanted = Wanted(
            on=parts.standing.on, party=None if grant.sees_all else grant.agency, state=state, record=record,
            subjects=await subject_codes(parts, subject), mine=mine, after=after, limit=limit + 1,
        )  # fmt: skip
        rows = [_told(row, parts) | {"place": row["place"]} for row in await parts.stores.life.repairs(wanted)]
        return page("repairs", rows, limit, "place")

    @router.get(
        "/v1/repairs/{number}",
        summary="一件修复申请办到哪一步 · Where an application for repair stands",
        responses=documented_answer("申请 · The application", EXAMPLE),
    )
    async def one_repair(
        number: Annotated[str, Path(max_length=128)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        subject: Annotated[
            str | None, Query(max_length=64, description="编号不唯一时 · Where two share the number")
        ] = None,
    ) -> Response:
        grant = parts.caller(authorization)
        row = one_of(await parts.stores.life.repair(number), grant, await subject_codes(parts, subject))
        return answer(_told(row, parts))

    return router


def _acts(router: APIRouter, parts: Parts, sending: Sending) -> None:
    @router.post(
        "/v1/repairs",
        summary="申请信用修复：一个窗口，不收费 · Apply for repair: one window, free of charge",
        **documented("repair.applied", "repair", APPLIED, also=RECORD_MEMBER),
    )
    async def apply_for_repair(
        request: Request, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
    ) -> Response:
        grant = parts.caller(authorization, "operator", "supplier")
        body = await form_of(request, parts)
        record = text_of(body, "record")
        by_hub = "operator" in grant.roles
        row = await (record_of(parts, record) if by_hub else own_record(parts, grant, record))
        number = number_of(parts, request, grant, body, "XF")
        act = Act(kind="repair.applied", group="repair", said=body | {"number": number}, subject=row, record=record,
                  number=number, told={"repair": number, "record": record})  # fmt: skip
        return await sending.send(request, grant, HUB if by_hub else str(grant.supplies), act)

    @router.post(
        "/v1/repairs/{number}/decision",
        summary="作出修复决定：谁认定、谁修复 · Decide on an application: whoever determined the record does",
        **documented("repair.decided", "decision", DECIDED),
    )
    async def decide_on_repair(
        request: Request,
        number: Annotated[str, Path(max_length=128)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "supplier")
        rows = [row for row in await parts.stores.life.repair(number) if row["determining"] == grant.supplies]
        row = one_of(rows, grant, None)
        act = Act(kind="repair.decided", group="decision", said=await form_of(request, parts), subject=row,
                  record=row["record"], number=number, more={"repair": {"number": number}}, needs_paper=True,
                  told={"repair": number, "record": row["record"]})  # fmt: skip
        return await sending.send(request, grant, str(grant.supplies), act)


def _told(row: Row, parts: Parts) -> dict[str, Any]:
    steps = [asdict(step) for step in pending.of_repair(row, parts.standing.on)]
    return plain(row) | {"next": steps, "late": any(step["late"] for step in steps)}
