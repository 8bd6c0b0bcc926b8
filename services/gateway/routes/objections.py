"""Understands objections at the door: filed for a subject or by an agency, verified by two, closed; and what is due next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from credithub.domain import pending
from credithub.domain.events import JsonObject
from credithub.http.problem import Problem
from services.gateway.answers import answer, page
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.routes.entitled import held_record, plain, record_of
from services.gateway.routes.events import PostEvents
from services.gateway.routes.sending import HUB, RECORD_MEMBER, Act, Sending, documented, form_of, number_of, text_of
from services.gateway.routes.subjects import codes_of
from services.gateway.rules import Grant
from services.gateway.store.database import Row
from services.gateway.store.life import Wanted

State = Literal["open", "upheld-corrected", "upheld-withdrawn", "refused", "withdrawn-by-filer"]
FILED: JsonObject = {
    "record": "rec_5n3c",
    "number": "异〔2026〕3号",
    "ground": "facts",
    "statement": "处罚决定已被复议机关变更，罚款金额有误",
}
VERIFIED: JsonObject = {"finding": "partly-wrong", "statement": "经核，罚款金额录入有误"}
CLOSED: JsonObject = {"outcome": "refused", "reason": "经核实，所列事实与决定书一致"}
EXAMPLE: JsonObject = FILED | {
    "objection": "异〔2026〕3号",
    "state": "open",
    "determining": "samr-130822",
    "supplier_due_on": "2026-11-27",
    "collector_due_on": "2026-11-27",
    "next": [{"who": "samr-130822", "what": "verify", "due_on": "2026-11-27", "late": False}],
}


def routes(parts: Parts, post: PostEvents) -> APIRouter:
    router = APIRouter(tags=["objections 异议"])
    _acts(router, parts, Sending(parts, post))

    @router.get(
        "/v1/objections",
        summary="异议列表，含下一步与期限 · Objections, with what must be done next, by whom, until when",
        description=(
            "运营与审计见全部；其余仅见自己提出的，或由本单位认定的记录的。"
            " Operators and auditors see all; others those they filed, or those about records they determined."
        ),
        responses=documented_answer("一页 · One page", {"objections": [EXAMPLE], "next": None}),
    )
    async def list_objections(
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        state: Annotated[State | None, Query(description="状态 · State")] = None,
        record: Annotated[str | None, Query(max_length=64)] = None,
        subject: Annotated[str | None, Query(max_length=64, description="任一种代码 · Any of its codes")] = None,
        mine: Annotated[
            Literal["to-verify", "late"] | None, Query(description="待核实或逾期 · To be verified, or late")
        ] = None,
        after: Annotated[str, Query(max_length=256, description="上一页的 next · `next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        grant = parts.caller(authorization)
        wanted = Wanted(
            on=parts.standing.on, party=None if grant.sees_all else grant.agency, state=state, record=record,
            subjects=await subject_codes(parts, subject), mine=mine, after=after, limit=limit + 1,
        )  # fmt: skip
        rows = [_told(row, parts) | {"place": row["place"]} for row in await parts.stores.life.objections(wanted)]
        return page("objections", rows, limit, "place")

    @router.get(
        "/v1/objections/{number}",
        summary="一件异议办到哪一步 · Where an objection stands",
        responses=documented_answer("异议 · The objection", EXAMPLE),
    )
    async def one_objection(
        number: Annotated[str, Path(max_length=128)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        subject: Annotated[
            str | None, Query(max_length=64, description="编号不唯一时 · Where two share the number")
        ] = None,
    ) -> Response:
        grant = parts.caller(authorization)
        row = one_of(await parts.stores.life.objection(number), grant, await subject_codes(parts, subject))
        return answer(_told(row, parts))

    return router


def _acts(router: APIRouter, parts: Parts, sending: Sending) -> None:
    @router.post(
        "/v1/objections",
        summary="提出异议：记录随即标注，措施随即中止 · Object: the record is disputed and its measures are suspended at once",
        **documented("objection.opened", "objection", FILED, without=("by",), also=RECORD_MEMBER),
    )
    async def file_objection(
        request: Request, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
    ) -> Response:
        grant = parts.caller(authorization, "operator", "agency")
        body = await form_of(request, parts)
        record = text_of(body, "record")
        by_hub = "operator" in grant.roles
        row = await (record_of(parts, record) if by_hub else held_record(parts, grant, record))
        number = number_of(parts, request, grant, body, "YY")
        said = body | {"number": number, "by": "subject" if by_hub else "agency"}
        act = Act(kind="objection.opened", group="objection", said=said, subject=row, record=record, number=number,
                  told={"objection": number, "record": record})  # fmt: skip
        return await sending.send(request, grant, HUB if by_hub else str(grant.acts), act)

    @router.post(
        "/v1/objections/{number}/verifications",
        summary="核实异议：提供单位与归集单位各自核实 · Verify an objection: its supplier does, and the hub",
        **documented("objection.verified", "verification", VERIFIED, without=("by",)),
    )
    async def verify_objection(
        request: Request,
        number: Annotated[str, Path(max_length=128)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "operator", "supplier")
        row = await _theirs(parts, grant, number)
        by = "collector" if "operator" in grant.roles else "supplier"
        said = await form_of(request, parts) | {"by": by}
        return await sending.send(
            request, grant, _supplier(grant), _on("objection.verified", "verification", row, said)
        )

    @router.post(
        "/v1/objections/{number}/closing",
        summary="办结异议：更正、撤销或不予支持 · Close an objection: corrected, withdrawn or refused, with the reason",
        **documented("objection.closed", "closing", CLOSED),
    )
    async def close_objection(
        request: Request,
        number: Annotated[str, Path(max_length=128)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "operator", "supplier")
        row = await _theirs(parts, grant, number)
        said = await form_of(request, parts)
        return await sending.send(request, grant, _supplier(grant), _on("objection.closed", "closing", row, said))


def _on(kind: str, group: str, row: Row, said: JsonObject) -> Act:
    number = str(row["objection"])
    by = f"/{said['by']}" if "by" in said else ""
    return Act(kind=kind, group=group, said=said, subject=row, record=row["record"], number=number + by,
               more={"objection": {"number": number}}, told={"objection": number, "record": row["record"]})  # fmt: skip


def _supplier(grant: Grant) -> str:
    return HUB if "operator" in grant.roles else str(grant.supplies)


async def _theirs(parts: Parts, grant: Grant, number: str) -> Row:
    """An objection that operators see to, or about a record that the caller determined."""
    rows = await parts.stores.life.objection(number)
    if "operator" not in grant.roles:
        rows = [row for row in rows if row["determining"] == grant.supplies]
    return one_of(rows, grant, None)


def one_of(rows: Sequence[Row], grant: Grant, subjects: Sequence[str] | None) -> Row:
    """The one case of this number that the caller may see; a number is only its filer's own."""
    seen = [row for row in rows if grant.sees_all or grant.agency in (row["determining"], row["filed_by"])]
    if subjects is not None:
        seen = [row for row in seen if row["organisation_code"] in subjects]
    if not seen:
        raise Problem("not-found")
    if len(seen) > 1:
        raise Problem("number-unclear", found=len(seen))
    return seen[0]


async def subject_codes(parts: Parts, code: str | None) -> Sequence[str] | None:
    """Every organisation code of the subject that this code stands for; one that stands for nobody finds nothing."""
    return None if code is None else await codes_of(parts, code)


def _told(row: Row, parts: Parts) -> dict[str, Any]:
    steps = [asdict(step) for step in pending.of_objection(row, parts.standing.on)]
    return plain(row) | {"next": steps, "late": any(step["late"] for step in steps)}
