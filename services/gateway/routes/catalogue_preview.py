"""Understands GET /v1/catalogues/{version}/preview: what a version would end and make, before it is in force."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response, StreamingResponse

from credithub.domain.catalogue.change import TEXTS, Change
from credithub.domain.catalogue.preview import Pair, Preview
from services.gateway.answers import answer
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.routes.shelf import Versions
from services.gateway.store.previews import Listed

COLUMNS = ("what", "organisation_code", "record", "item", "measure", "department", "agency", "obligation", "because")
BOM = "\ufeff"  # so that a spreadsheet reads the file as UTF-8
PIECE = 64 * 1024  # characters sent at once
EXAMPLE: dict[str, Any] = {
    "version": "2027-demo.1",
    "on": "2027-01-01",
    "reaches": "new",
    "compared_with": "2026-illustrative.2",
    "ends": {
        "total": 2,
        "pairs": [
            {"item": "penalty", "measure": "P64-27", "department": "gacc", "because": "not-executable", "number": 2}
        ],
        "examples": [],
    },
    "makes": {"hypothetical": True, "total": 0, "unrouted": 0, "pairs": [], "examples": []},
}


def routes(parts: Parts, versions: Versions) -> APIRouter:
    router = APIRouter(tags=["catalogue 目录"])

    @router.get(
        "/v1/catalogues/{version}/preview",
        summary="预演：该版本生效时将终止与新增的任务（format=csv 为全部明细）"
        " · Preview: what the version would end and make (format=csv: every row)",
        responses=documented_answer("预演 · The preview", EXAMPLE),
    )
    async def preview(
        version: Annotated[str, Path(max_length=128)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        format: Annotated[Literal["json", "csv"], Query(description="json | csv")] = "json",  # noqa: A002
        examples: Annotated[int, Query(ge=0, le=1000, description="各列几例 · How many rows of each")] = 10,
    ) -> Response:
        parts.caller(authorization, "operator", "auditor")
        change = await versions.change(version)
        if format == "csv":
            named = {"content-disposition": f'attachment; filename="preview-{version}.csv"'}
            return StreamingResponse(_csv(versions, change, version), media_type="text/csv", headers=named)
        async with versions.previews.of(change) as listed:
            return answer(await _told(listed, version, examples))

    return router


def _reaches(change: Change, version: str) -> str:
    return next((c.content.manifest.reaches for v, c in change.known.items() if v == version), "new")


def _label(change: Change, version: str) -> Literal["make", "would-make"]:
    return "make" if _reaches(change, version) == "active" else "would-make"


async def _told(listed: Listed, version: str, examples: int) -> dict[str, Any]:
    preview, change = listed.preview, listed.preview.change
    label = _label(change, version)
    ends = [dict(each) async for each in listed.ends(examples)] if examples else []
    makes = [dict(each) async for each in listed.makes(label, examples)] if examples else []
    return {
        "version": version,
        "on": change.on,
        "reaches": _reaches(change, version),
        "compared_with": change.before.national.version if change.before else None,
        "ends": {"total": preview.ends.total(), "pairs": _ends(preview), "examples": ends},
        "makes": {
            "hypothetical": label == "would-make",
            "total": preview.makes.total(),
            "unrouted": sum(number for (_, routed), number in preview.makes.items() if not routed),
            "pairs": _makes(preview),
            "examples": makes,
        },
    }


def _ends(preview: Preview) -> list[dict[str, Any]]:
    return [
        {
            **_pair(pair),
            "because": because,
            "because_zh": TEXTS[because][0],
            "because_en": TEXTS[because][1],
            "number": n,
        }
        for (pair, because), n in sorted(preview.ends.items())
    ]


def _makes(preview: Preview) -> list[dict[str, Any]]:
    pairs = sorted({pair for (pair, _), n in preview.makes.items() if n})
    return [
        {
            **_pair(pair),
            "number": preview.makes[pair, True] + preview.makes[pair, False],
            "unrouted": preview.makes[pair, False],
        }
        for pair in pairs
    ]


def _pair(pair: Pair) -> dict[str, str]:
    return {"item": pair.item, "measure": pair.measure, "department": pair.department}


async def _csv(versions: Versions, change: Change, version: str) -> AsyncIterator[bytes]:
    """Every row, as the database hands them over; what is ended first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write(BOM)
    writer.writerow(COLUMNS)
    async with versions.previews.of(change) as listed:
        for rows in (listed.ends(), listed.makes(_label(change, version))):
            async for row in rows:
                writer.writerow(_cells(row.get(name) for name in COLUMNS))
                if buffer.tell() >= PIECE:
                    yield _taken(buffer)
    yield _taken(buffer)


def _cells(values: Iterable[object]) -> list[str]:
    return ["" if value is None else str(value) for value in values]


def _taken(buffer: io.StringIO) -> bytes:
    told = buffer.getvalue().encode()
    buffer.seek(0)
    buffer.truncate()
    return told
