"""Understands GET /v1/records/{record}: its current version to those it is served to, its history to those it is open to."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from credithub.http.problem import Problem
from services.gateway.answers import answer
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.routes.entitled import determined, is_served, record_of, told_records
from services.gateway.routes.past import AS_OF_HELP, RECEIPT_HELP, moment_of
from services.gateway.rules import Grant
from services.gateway.store.database import Row

EXAMPLE: dict[str, Any] = {
    "record": "rec_5n3c…",
    "item": "penalty",
    "state": "active",
    "version": 2,
    "disputed": False,
    "shielded": False,
    "served": True,
    "display_until": "2029-11-18",
    "repairable_from": "2027-11-18",
    "notes": [
        {"kind": "litigation", "text": "已就处罚决定提起行政诉讼", "at": "2026-11-21T02:00:00Z", "by": "samr-130822"}
    ],
}
CHANGE: dict[str, Any] = {
    "at": "2026-11-21T02:00:00Z",
    "change": "corrected",
    "version": 2,
    "state": "active",
    "disputed": False,
    "shielded": False,
    "why": {"code": "corrected", "text_zh": "信用记录已更正", "text_en": "the record was corrected"},
}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["records 信用记录"])

    @router.get(
        "/v1/records/{record}",
        summary="一条信用记录：只答现行版本 · One record: its current version alone",
        description=(
            "已终止、已屏蔽、公示期满的记录，响应单位查不到；认定单位、运营与审计见其状态。as_of 仅审计可用，或凭当时的回执。"
            " Agencies do not find one that has ended, is shielded or past its display; its determining department,"
            " operators and auditors see its state. `as_of` is for auditors, or with a receipt of that moment."
        ),
        responses=documented_answer("记录 · The record", EXAMPLE),
    )
    async def one_record(
        record: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        as_of: Annotated[str | None, Query(max_length=40, description=AS_OF_HELP)] = None,
        receipt: Annotated[str | None, Query(max_length=64, description=RECEIPT_HELP)] = None,
    ) -> Response:
        grant = parts.caller(authorization)
        row = await record_of(parts, record)
        if as_of is None and receipt is None:
            return answer(await _now(parts, grant, row))
        return answer(await _then(parts, grant, row, as_of, receipt))

    @router.get(
        "/v1/records/{record}/history",
        summary="记录的历史：每次变化、旧版本、其他来源 · A record's history: every change, older versions, other sources",
        responses=documented_answer(
            "历史 · The history", {"record": "rec_5n3c…", "changes": [CHANGE], "versions": [], "witnesses": []}
        ),
    )
    async def history_of_record(
        record: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "supplier", "operator", "auditor")
        row = await record_of(parts, record)
        if not (grant.sees_all or determined(grant, row)):
            raise Problem("not-found")
        history, subject = parts.stores.history, row["organisation_code"]
        return answer(
            {
                "record": record,
                "organisation_code": subject,
                "changes": await history.changes(subject, record),
                "versions": await history.versions(subject, record),
                "witnesses": await history.witnesses(subject, record),
            }
        )

    return router


async def _now(parts: Parts, grant: Grant, row: Row) -> dict[str, Any]:
    if grant.sees_all or determined(grant, row):
        return {**row, "served": is_served(row, parts)}
    if grant.acts:
        held = await parts.stores.obligations.obligations_of(
            row["organisation_code"], record=row["record"], agency=grant.acts
        )
        for told in await told_records(parts, held, [row], set()):
            return told | {"served": True}
    raise Problem("not-found")


async def _then(parts: Parts, grant: Grant, row: Row, as_of: str | None, receipt: str | None) -> dict[str, Any]:
    codes = [row["organisation_code"]]
    moment = await moment_of(parts, grant, as_of, receipt, codes, row["record"])
    assert moment is not None, "one of the two was given"
    if not (grant.sees_all or determined(grant, row)):
        raise Problem("not-found")
    known = await parts.stores.history.as_of(codes, moment, record=row["record"])
    if not known:
        raise Problem("not-found")
    return {**known[0], "as_of": moment}
