"""Understands GET /v1/submissions/{id}/errors.csv: the refused rows of a file, to mend and send again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

from fastapi import APIRouter, Header, Path
from starlette.responses import Response

from credithub.csvfile import error_file, errors_of
from credithub.domain.feeds import FeedMapping, Feeds
from credithub.domain.reasons import REASONS, Reason
from credithub.http.problem import Problem
from services.gateway.parts import Parts
from services.gateway.routes.submissions import own_submission
from services.gateway.store.database import Row


def routes(parts: Parts, feeds: Feeds) -> APIRouter:
    router = APIRouter(tags=["submissions 报送"])

    @router.get(
        "/v1/submissions/{submission}/errors.csv",
        summary="退回行文件：原列加错误原因、字段、建议 · The refused rows with what to mend",
        responses={
            200: {"description": "CSV，UTF-8 with BOM", "content": {"text/csv": {"example": "…,错误原因,字段,建议"}}}
        },
    )
    async def errors_csv(
        submission: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "supplier", "operator", "auditor")
        row = await own_submission(parts, grant, submission)
        if row is None or row["form"] != "row":
            raise Problem("not-found")
        refused = await parts.stores.submissions.quarantined(submission)
        headers = _headers(refused, feeds)
        lines = [([_cells(each).get(name, "") for name in headers], _errors(each)) for each in refused]
        kept = {"content-disposition": 'attachment; filename="errors.csv"'}
        return Response(b"".join(error_file(headers, lines)), 200, kept, "text/csv; charset=utf-8")

    return router


def _headers(refused: Sequence[Row], feeds: Iterable[FeedMapping]) -> list[str]:
    """Every header that a refused row has, in the order of the table; the database keeps them in none."""
    found = list(dict.fromkeys(name for row in refused for name in _cells(row)))
    items = {row["item"] for row in refused}
    order: dict[str, int] = {}
    for mapping in feeds:
        if mapping.item in items:
            places = {column.code: place for place, column in enumerate(mapping.columns)}
            for header, code in mapping.match(found).matched.items():
                order.setdefault(header, places[code])
    return sorted(found, key=lambda name: order.get(name, len(order) + 1_000))


def _cells(row: Row) -> dict[str, str]:
    """None of a natural person's row, nor of one whose columns could not be told apart."""
    return row["body"] or {}


def _errors(row: Row) -> tuple[str, str, str]:
    names = ("field", "value", "hint", "row")
    reasons = [Reason(code=each["code"], **{name: each.get(name) for name in names}) for each in row["reasons"]]
    return errors_of([reason for reason in reasons if reason.code in REASONS])
