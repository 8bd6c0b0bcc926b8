"""Understands GET /v1/submissions: what became of what a supplier sent, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from credithub.http.problem import Problem
from credithub.ids import is_submission_of
from services.gateway.answers import answer, page
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.rules import Grant, spoken_all
from services.gateway.store.database import Row

State = Literal["archived", "waiting-subject", "waiting-record", "quarantined", "duplicate"]
LAST = "sub_~"  # sorts behind every submission
EXAMPLE: dict[str, Any] = {
    "submission": "sub_01997f0e4ad87c5a9d3e0c6b8a1f2d47_0f3c9a1b2d",
    "supplier": "mnr-130822",
    "source": "//mnr-130822/licences",
    "form": "row",
    "file_name": "许可_2026-11.csv",
    "received_at": "2026-11-22T00:00:00.000000+00:00",
    "state": "decided",
    "entries": 5000,
    "archived": 4900,
    "waiting": 0,
    "quarantined": 100,
    "duplicates": 0,
    "pending": 0,
}
ENTRY = {
    "index": 17,
    "row": 19,
    "state": "quarantined",
    "reasons": [{"code": "USC_CHECK", "field": "统一社会信用代码", "detail_zh": "统一社会信用代码第18位校验码不对"}],
}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["submissions 报送"])

    @router.get(
        "/v1/submissions",
        summary="报送列表，新的在前 · Submissions, newest first",
        responses=documented_answer("一页 · One page", {"submissions": [EXAMPLE], "next": None}),
    )
    async def list_submissions(
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        after: Annotated[str, Query(max_length=64, description="上一页的 next · `next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:
        grant = parts.caller(authorization, "supplier", "operator", "auditor")
        rows = await parts.stores.submissions.page(
            supplier=None if grant.sees_all else grant.supplies, before=after or LAST, limit=limit + 1
        )
        return page("submissions", [_summary(row) for row in rows], limit, "submission")

    @router.get(
        "/v1/submissions/{submission}",
        summary="一次报送：状态、计数、逐行原因 · One submission: state, counts, reasons per row",
        description=(
            "尚未处理到的报送答 received，不会是 404。`state` 可筛选条目。"
            " One that nobody has reached yet answers `received`, never 404. `state` filters the entries."
        ),
        responses=documented_answer("报送 · The submission", EXAMPLE | {"results": [ENTRY], "next": None}),
    )
    async def one_submission(
        submission: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        state: Annotated[list[State] | None, Query(description="只看这些状态 · Only entries in these states")] = None,
        after: Annotated[int, Query(ge=-1, le=2**31 - 1, description="上一页的 next · `next` of the page before")] = -1,
        limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    ) -> Response:
        grant = parts.caller(authorization, "supplier", "operator", "auditor")
        row = await own_submission(parts, grant, submission)
        if row is None:
            return answer({"submission": submission, "state": "received", "entries": None, "results": [], "next": None})
        entries = await parts.stores.submissions.entries(submission, after=after, limit=limit + 1, states=state)
        results = await _with_waiting(parts, entries[:limit])
        following = entries[limit - 1]["index"] if len(entries) > limit else None
        return answer({**_summary(row), "results": results, "next": following})

    return router


async def own_submission(parts: Parts, grant: Grant, submission: str) -> Row | None:
    """The submission; None for one of ours that nobody has reached; a Problem for any other."""
    row = await parts.stores.submissions.find(submission)
    if row is not None and (grant.sees_all or row["supplier"] == grant.supplies):
        return row
    suppliers = [grant.supplies, "hub" if "operator" in grant.roles else None]
    if row is None and any(each and is_submission_of(parts.vault, submission, each) for each in suppliers):
        return None
    raise Problem("not-found")


def _summary(row: Row) -> dict[str, Any]:
    """With `pending`: entries announced that nobody has decided yet; None while a file's end has not come by."""
    decided = row["archived"] + row["waiting"] + row["quarantined"] + row["duplicates"]
    pending = None if row["entries"] is None else max(0, row["entries"] - decided)
    return {**row, "state": "decided" if pending == 0 else "received", "pending": pending}


async def _with_waiting(parts: Parts, entries: Sequence[Row]) -> list[dict[str, Any]]:
    """Each entry with its reasons in words; a waiting one with what it waits for."""
    waiting = [(row["source"], row["id"]) for row in entries if row["state"].startswith("waiting")]
    awaited: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in await parts.stores.submissions.waits_for(waiting):
        awaited.setdefault((row["source"], row["id"]), []).append(_awaited(row))
    told: list[dict[str, Any]] = []
    for row in entries:
        entry = {**row, "reasons": spoken_all(row["reasons"])}
        entry.pop("submission", None)
        entry.pop("supplier", None)
        if (row["source"], row["id"]) in awaited:
            entry["waiting_for"] = awaited[row["source"], row["id"]]
        told.append(entry)
    return told


def _awaited(row: Row) -> dict[str, Any]:
    """A registration that brings one of its identifiers, or the record that this entry ends."""
    facts = {name: row[name] for name in ("scheme", "value", "organisation_code", "item", "folded_number")}
    return {name: value for name, value in facts.items() if value is not None} | {"since": row["since"]}
