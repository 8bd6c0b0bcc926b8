"""Understands POST /v1/feeds/{feed}/files: a table in, one sealed record a row and a closing manifest to Kafka."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from starlette.requests import Request
from starlette.responses import Response

from credithub import metrics
from credithub.clock import stamp
from credithub.crashpoints import crashpoint
from credithub.domain import receipts
from credithub.domain.events import SUBMISSIONS_CONTEXT, SubmittedEntry
from credithub.domain.feeds import FeedMapping, Feeds
from credithub.domain.persons import mask
from credithub.domain.reasons import Reason
from credithub.http.problem import Problem
from credithub.ids import submission_id
from credithub.schemas import schemas_dir
from credithub.topics import SUBMISSIONS
from services.gateway.answers import answer
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.rules import Grant
from services.gateway.sheets import Job, Sheet, frames
from services.gateway.spool import Spool, spool_folder
from services.gateway.uploads import Form, receive_upload

PART = 500  # records sent at once
MOST_UPLOADS = 8  # at once; each may take its limit of the disk twice
LONGEST_NAME = 200
COUNTED = {"rows": 5102, "entries": 5000, "blank": 100, "instructions": 1}
LISTED = {"feed": "licence-2018", "version": "1", "item": "licence", "kind": "licence.granted"}
EXAMPLE: dict[str, Any] = {
    "submission": "sub_01997f0e4ad87c5a9d3e0c6b8a1f2d47_0f3c9a1b2d",
    "received": 5000,
    "file": {"digest": "9b1c…", "name": "许可_2026-11.csv", "encoding": "gb18030", "unknown_columns": [], **COUNTED},
    "receipt": {"receipt": "1", "submission": "sub_…", "file": {"digest": "9b1c…", "rows": 5000}, "signature": "…"},
}


def routes(parts: Parts, feeds: Feeds, signer: receipts.Signer) -> APIRouter:
    router = APIRouter(tags=["feeds 数据表"])
    uploads = asyncio.Semaphore(MOST_UPLOADS)

    @router.get(
        "/v1/feeds",
        summary="可报送的数据表 · The tables that are taken",
        responses=documented_answer("全部 · All", {"feeds": [LISTED]}),
    )
    async def list_feeds(authorization: Annotated[str | None, Header(include_in_schema=False)] = None) -> Response:
        parts.caller(authorization)
        names = ("feed", "version", "item", "kind", "title_zh", "title_en")
        return answer({"feeds": [{name: getattr(mapping, name) for name in names} for mapping in feeds]})

    @router.post(
        "/v1/feeds/{feed}/files",
        status_code=202,
        summary="报送数据表（CSV） · Post a table (CSV)",
        description=(
            "文件作为请求体，或表单的 file。UTF-8（有无 BOM）或 GB18030。先核对表头；坏行不影响好行。"
            "密钥只有一个来源时可不写 source。"
            " The file is the body itself, or `file` of a form. UTF-8 with or without BOM, or GB18030. The header is"
            " judged first; a bad row never costs a good one. `source` may be left out where the key has only one."
        ),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {
                    "text/csv": {"schema": {"type": "string", "format": "binary"}},
                    "multipart/form-data": {
                        "schema": {
                            "type": "object",
                            "required": ["file"],
                            "properties": {"file": {"type": "string", "format": "binary"}},
                        }
                    },
                },
            }
        },
        responses=documented_answer("整个文件已收到 · The whole file was received", EXAMPLE, 202),
    )
    async def post_file(
        request: Request,
        feed: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        source: Annotated[str | None, Query(max_length=512, description="来源 · One of the key's sources")] = None,
        name: Annotated[str | None, Query(max_length=1024, description="文件名 · The file's name")] = None,
    ) -> Response:
        grant = parts.caller(authorization, "supplier")
        mapping = _mapping(feeds, feed, grant)
        whose = _source(source, grant)
        parts.standing.in_force()
        if not parts.line.up:
            raise Problem("kafka-away")
        if uploads.locked():
            raise Problem("overloaded")
        async with uploads:
            with Spool(spool_folder(parts.settings), parts.settings.limit_file_bytes) as spool:
                form = await receive_upload(request.scope, request.receive, spool)
                job = _job(parts, grant, mapping, whose, spool, _shown(name, form))
                try:
                    sheet = await _read(parts, job)
                    await _send(parts, job, sheet)
                finally:
                    job.out.unlink(missing_ok=True)
        return answer(_told(job, sheet, signer), 202, {"location": f"/v1/submissions/{job.submission}"})

    return router


def _mapping(feeds: Feeds, feed: str, grant: Grant) -> FeedMapping:
    mapping = feeds.latest(feed)
    if mapping is None:
        raise Problem("feed-unknown")
    if mapping.item not in grant.items:
        raise Problem("owner-not-allowed", item=mapping.item)
    return mapping


def _source(source: str | None, grant: Grant) -> str:
    """The one named, or the only one there is."""
    if source is None and len(grant.sources) == 1:
        return next(iter(grant.sources))
    if source is None:
        raise Problem("request-invalid", reasons=[Reason(code="required-missing", field="source")])
    if source not in grant.sources:
        raise Problem("source-not-granted")
    return source


def _shown(name: str | None, form: Form) -> str | None:
    """The file's own name, without folders, controls and persons' numbers."""
    given = name or form.fields.get("name") or form.file_name
    if not given:
        return None
    last = PurePosixPath(given.replace("\\", "/")).name
    return mask("".join(c for c in last if unicodedata.category(c)[0] != "C"))[:LONGEST_NAME] or None


def _job(parts: Parts, grant: Grant, mapping: FeedMapping, source: str, spool: Spool, name: str | None) -> Job:
    settings = parts.settings
    return Job(
        upload=spool.path,
        key=spool.key,
        out=spool.path.with_name(spool.path.name + ".rows"),
        secrets_dir=settings.secrets_dir,
        feeds_dir=schemas_dir(settings.schemas) / "feeds",
        feed=mapping.feed,
        mapping=mapping.version,
        submission=submission_id(parts.vault, str(grant.supplies)),
        supplier=str(grant.supplies),
        source=source,
        received_at=stamp(),
        catalogue=parts.standing.in_force().version,
        allowed_items=sorted(grant.items),
        digest=spool.digest,
        name=name,
        most_rows=settings.limit_rows,
        most_bytes=settings.limit_entry_bytes,
    )


async def _read(parts: Parts, job: Job) -> Sheet:
    sheet = await parts.sheets.read(job)
    if sheet is None:
        raise Problem("overloaded")
    if any(reason.code == "file-too-many-rows" for reason in sheet.reasons):
        raise Problem("body-too-large", limit=job.most_rows, reasons=sheet.reasons)
    if sheet.reasons:
        raise Problem("file-unreadable", reasons=sheet.reasons)
    return sheet


async def _send(parts: Parts, job: Job, sheet: Sheet) -> None:
    """All rows, then the manifest. Problem as soon as something is not acknowledged: the file is sent again, whole."""
    with job.out.open("rb") as out:
        reading: Iterator[list[tuple[bytes, bytes]]] = frames(out, PART)
        while (part := await asyncio.to_thread(next, reading, None)) is not None:
            await _sent(parts, part)
            crashpoint("gateway.after_some_sent")
    await _sent(parts, [_manifest(parts, job, sheet)])
    crashpoint("gateway.after_sent_before_answer")
    metrics.HANDLED.labels("gateway", "received").inc(sheet.entries)


async def _sent(parts: Parts, records: list[tuple[bytes, bytes]]) -> None:
    if not all(await parts.line.send(SUBMISSIONS.name, records)):
        metrics.HANDLED.labels("gateway", "unknown").inc(len(records))
        raise Problem("kafka-away")


def _manifest(parts: Parts, job: Job, sheet: Sheet) -> tuple[bytes, bytes]:
    entry = SubmittedEntry(
        submission=job.submission,
        index=sheet.entries,
        count=sheet.entries,
        supplier=job.supplier,
        source=job.source,
        id=f"{job.digest}#manifest",
        digest=sheet.root,
        received_at=job.received_at,
        form="manifest",
        catalogue=job.catalogue,
        mapping=job.mapping,
        allowed_items=job.allowed_items,
        body={"feed": job.feed},
        file={"digest": job.digest, "name": job.name, "rows": sheet.entries},
        row=None,
    )
    key = parts.sealer.key_of(None, job.source, entry.id)
    return key, parts.vault.encrypt(entry.to_bytes(), SUBMISSIONS_CONTEXT)


def _told(job: Job, sheet: Sheet, signer: receipts.Signer) -> dict[str, Any]:
    counts = {name: getattr(sheet, name) for name in ("rows", "entries", "blank", "instructions")}
    receipt = receipts.make(
        signer,
        submission=job.submission,
        supplier=job.supplier,
        received_at=job.received_at,
        form="row",
        entries=[],
        file={"digest": job.digest, "rows": sheet.entries, "blank": sheet.blank, "instructions": sheet.instructions},
        root=sheet.root,
    )
    file = {"digest": job.digest, "name": job.name, "encoding": sheet.encoding, **counts}
    return {
        "submission": job.submission,
        "received": sheet.entries,
        "file": file | {"unknown_columns": list(sheet.unknown_columns)},
        "receipt": receipt,
    }
