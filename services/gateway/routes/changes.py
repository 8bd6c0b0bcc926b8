"""Understands what the department that determined a record does to it: six acts of one form, each an event kind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Header, Path
from starlette.requests import Request
from starlette.responses import Response

from credithub.domain.events import JsonObject
from services.gateway.parts import Parts
from services.gateway.routes.entitled import own_record
from services.gateway.routes.events import PostEvents
from services.gateway.routes.sending import Act, Sending, documented, form_of, paper_number

PAPER: JsonObject = {
    "number": "兴市监撤〔2026〕5号",
    "issuer": "兴隆县市场监督管理局",
    "decided_on": "2026-11-20",
}
PENALTY: JsonObject = {
    "offence": "虚假宣传", "facts": "……", "basis": "《中华人民共和国反不正当竞争法》第二十条",
    "category": "罚款", "content": "罚款人民币三千元", "fine_yuan": "3000.00",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One act: the last step of its address, its kind, the kind's own group, how it is shown."""

    step: str
    kind: str
    group: str
    summary: str
    example: JsonObject
    courts: bool = False  # a court may do it to another's record


CHANGES = (
    Change(step="correction", kind="record.corrected", group="correction",
           summary="更正记录：形成新版本，旧版本留存 · Correct a record: a new version, the old one is kept",
           example={"data": {"penalty": PENALTY}, "reason": "金额录入有误", "document": PAPER}),
    Change(step="withdrawal", kind="record.withdrawn", group="withdrawal",
           summary="撤销记录：措施全部解除 · Withdraw a record: all its measures lift",
           example={"reason": "revoked-by-court", "withdrawn_on": "2026-11-20", "restore_reputation": True, "document": PAPER}),
    Change(step="annotation", kind="record.annotated", group="annotation",
           summary="标注记录：诉讼、复议、减轻等 · Annotate a record: litigation, reconsideration, mitigation",
           example={"kind": "litigation", "text": "已就处罚决定提起行政诉讼", "document": PAPER}),
    Change(step="shielding", kind="record.shielded", group="shielding", courts=True,
           summary="屏蔽记录：破产重整等期间不展示、不适用 · Shield a record: neither shown nor used for the time being",
           example={"number": "（2026）冀08破1号", "ground": "bankruptcy-reorganisation", "document": PAPER}),
    Change(step="unshielding", kind="record.unshielded", group="shielding", courts=True,
           summary="解除屏蔽 · End the shielding of a record",
           example={"number": "（2026）冀08破1号", "reason": "重整计划执行完毕", "document": PAPER}),
    Change(step="deletion", kind="record.deleted", group="deletion",
           summary="删除记录：不再展示、共享和适用 · Delete a record: no longer shown, shared or used",
           example={"reason": "依法应当删除", "document": PAPER}),
)  # fmt: skip
FIXED = {"record.corrected": ("kind",)}  # what the record itself says
Endpoint = Callable[..., Awaitable[Response]]


def routes(parts: Parts, post: PostEvents) -> APIRouter:
    router = APIRouter(tags=["records 信用记录"])
    sending = Sending(parts, post)
    for change in CHANGES:
        shown = documented(change.kind, change.group, change.example, without=FIXED.get(change.kind, ()))
        router.post(
            f"/v1/records/{{record}}/{change.step}",
            summary=change.summary,
            operation_id=f"record_{change.step}",
            **shown,
        )(_endpoint(parts, sending, change))
    return router


def _endpoint(parts: Parts, sending: Sending, change: Change) -> Endpoint:
    async def act_on_record(
        request: Request,
        record: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "supplier")
        row = await own_record(parts, grant, record, courts=change.courts)
        body = await form_of(request, parts)
        said = body | {name: row[name] for name in FIXED.get(change.kind, ())}
        act = Act(kind=change.kind, group=change.group, said=said, subject=row, record=record,
                  number=paper_number(body), needs_paper=True, told={"record": record})  # fmt: skip
        return await sending.send(request, grant, str(grant.supplies), act)

    return act_on_record
