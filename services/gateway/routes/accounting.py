"""Understands GET /v1/accounting: what was triggered in a period and became of it, by department, region or measure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from credithub.csvfile import table_file
from credithub.domain.reasons import Reason
from credithub.http.problem import Problem
from services.gateway.answers import answer
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.rules import Grant
from services.gateway.store.accounting import COUNTED, DIMENSIONS, TIMED, Asked

Part = Literal["figures", "violations"]
BY_HELP = f"逗号分隔 · comma-separated: {', '.join(DIMENSIONS)}"
WORDS: Mapping[str, tuple[str, str]] = {
    "department": ("部门", "department"), "agency": ("单位", "agency"), "region": ("区划", "region"),
    "level": ("层级", "level"), "item": ("信息项", "item"), "measure": ("措施", "measure"),
    "provider": ("提供单位", "provider"), "month": ("月", "month"), "quarter": ("季度", "quarter"),
    "triggered": ("已触发", "triggered"), "delivered": ("已送达", "delivered"),
    "acknowledged": ("已签收", "acknowledged"), "executed": ("已执行", "executed"), "declined": ("不予执行", "declined"),
    "overdue": ("逾期", "overdue"), "suspended": ("中止中", "suspended"), "lifted": ("已解除", "lifted"),
    "cancelled": ("已取消", "cancelled"), "still_holding": ("仍在执行", "still holding"),
    "deliver": ("送达", "to delivery"), "acknowledge": ("签收", "to acknowledgement"), "execute": ("执行", "to execution"),
    "decline": ("不予执行", "to declining"), "lift": ("确认解除", "from the end to the lift confirmed"),
    "violation": ("违规情形", "violation"), "number": ("件数", "number"),
    "outside-catalogue": ("超出目录记录或共享", "recorded outside the catalogue"),
    "outside-list": ("超出清单采取措施", "measures outside the list"),
    "listing-without-prerequisites": ("未具备条件列入名单", "listed without its prerequisites"),
    "late-repair": ("未按规定及时修复", "late repair"),
}  # fmt: skip
FIGURE: dict[str, Any] = {
    "department": "mnr", "measure": "64-2-1", "triggered": 12, "delivered": 12, "acknowledged": 11, "executed": 9,
    "declined": 1, "overdue": 1, "suspended": 0, "lifted": 3, "cancelled": 0, "still_holding": 1,
    "hours_to_execute_median": 30.5, "hours_to_execute_p90": 71.25,
}  # fmt: skip
EXAMPLE: dict[str, Any] = {
    "from": "2026-10-01",
    "to": "2026-12-31",
    "by": ["department", "measure"],
    "figures": [FIGURE],
    "violations": [{"department": "samr", "violation": "late-repair", "number": 1}],
    "known": True,
}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["accounting 统计与问责"])
    responses = documented_answer("统计 · The figures", EXAMPLE)
    responses[200]["content"]["text/csv"] = {"example": "部门 department,已触发 triggered,…"}

    @router.get(
        "/v1/accounting",
        summary="统计：触发、送达、签收、执行、解除及用时，四类违规 · What became of what was triggered; the four violations",
        description=(
            "期间按触发之日计（中国时间，两端均含），默认为本季度。by=provider 为提供单位的使用情况。响应单位只见本单位。CSV 为"
            " UTF-8（BOM），中英表头。 A period counts what was triggered in it (days in China, both included; this"
            " quarter unless you say otherwise). `by=provider` tells providers how their records are used. An agency sees"
            " its own lines. CSV is UTF-8 with BOM and heads in both languages. Violations: 国办发〔2020〕49号 九."
        ),
        responses=responses,
    )
    async def accounting(
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        by: Annotated[str, Query(max_length=100, description=BY_HELP)] = "department",
        since: Annotated[date | None, Query(alias="from", description="首日 · First day")] = None,
        until: Annotated[date | None, Query(alias="to", description="末日 · Last day")] = None,
        format_: Annotated[Literal["json", "csv"], Query(alias="format")] = "json",
        part: Annotated[Part, Query(description="CSV 的内容 · What the CSV holds")] = "figures",
    ) -> Response:
        grant = parts.caller(authorization, "operator", "auditor", "agency", "supplier")
        asked = _asked(parts, grant, by, since, until)
        store = parts.stores.accounting
        if format_ == "csv":
            rows = await (store.figures(asked) if part == "figures" else store.violations(asked))
            return _csv(part, rows, asked)
        known = not await parts.stores.obligations.catching_up()
        figures = await store.figures(asked)
        if not known:
            figures = [{**row, "still_holding": None} for row in figures]
        told = {"from": asked.since, "to": asked.until, "by": asked.by, "known": known}
        return answer({**told, "figures": figures, "violations": await store.violations(asked)})

    return router


def _asked(parts: Parts, grant: Grant, by: str, since: date | None, until: date | None) -> Asked:
    names = tuple(dict.fromkeys(name.strip() for name in by.split(",") if name.strip()))
    if any(name not in DIMENSIONS for name in names):
        raise Problem("request-invalid", reasons=[Reason(code="enumeration-unknown", field="by")])
    on = parts.standing.on
    first = since or date(on.year, 3 * ((on.month - 1) // 3) + 1, 1)
    last = until or max(on, first)
    if last < first:
        raise Problem("request-invalid", reasons=[Reason(code="dates-reversed", field="to")])
    own = None if grant.sees_all else grant.agency
    used = "provider" in names  # how one's own records are used, not what one was told
    return Asked(by=names, since=first, until=last, agency=None if used else own, provider=own if used else None)


def _csv(part: Part, rows: Sequence[Mapping[str, Any]], asked: Asked) -> Response:
    columns = list(rows[0]) if rows else _columns(part, asked.by)
    lines = ([_cell(name, row[name]) for name in columns] for row in rows)
    kept = {"content-disposition": f'attachment; filename="accounting-{part}-{asked.since}-{asked.until}.csv"'}
    content = b"".join(table_file([_head(name) for name in columns], lines))
    return Response(content, 200, kept, "text/csv; charset=utf-8")


def _columns(part: Part, by: Iterable[str]) -> list[str]:
    return [*by, "violation", "number"] if part == "violations" else [*by, "triggered", *COUNTED]


def _head(name: str) -> str:
    """A column's head in both languages: 部门 department, 执行用时（小时，中位）hours to execution, median."""
    for timed in TIMED:
        for share, zh, en in (("median", "中位", "median"), ("p90", "九成", "p90")):
            if name == f"hours_to_{timed}_{share}":
                return f"{WORDS[timed][0]}用时（小时，{zh}） hours {WORDS[timed][1]}, {en}"
    return " ".join(WORDS[name])


def _cell(name: str, value: object) -> str:
    if name == "violation":
        return " ".join(WORDS[str(value)])
    return "" if value is None else str(value)
