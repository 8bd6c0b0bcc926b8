"""Understands the loading of catalogue versions: checked whole, kept whole, never changed."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from starlette.requests import Request
from starlette.responses import Response

from credithub.http.problem import Problem
from services.gateway.answers import answer
from services.gateway.bodies import Strict, body_of, documented_answer, documented_body
from services.gateway.parts import Parts
from services.gateway.routes import catalogue_preview, catalogue_proposals
from services.gateway.routes.agencies import actor_of
from services.gateway.routes.checking import checked, new_catalogue
from services.gateway.routes.shelf import Versions
from services.gateway.store.acts import Taken


class CatalogueBody(Strict):
    """A whole catalogue as `credithub catalogue` writes it, and from when it judges."""

    content: dict[str, Any]
    effective_from: date | None = None


LISTED: dict[str, Any] = {
    "version": "2026-illustrative.2",
    "effective_from": "2026-01-01",
    "illustrative": True,
    "digest": "9b1c…",
    "in_force": True,
}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["catalogue 目录"])
    versions = Versions.over(parts)
    router.include_router(catalogue_proposals.routes(parts, versions))  # before `{version}`, which would take its path
    router.include_router(catalogue_preview.routes(parts, versions))

    @router.post(
        "/v1/catalogues",
        status_code=201,
        summary="直接装入目录版本：首个版本，或开发模式 · Load a version directly: the first one, or in development",
        openapi_extra=documented_body(CatalogueBody, {"content": {"manifest": {}}, "effective_from": "2026-12-01"}),
        responses=documented_answer("已装入 · Loaded", LISTED, 201),
    )
    async def load(
        request: Request, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
    ) -> Response:
        grant = parts.caller(authorization, "operator")
        if parts.settings.mode == "production" and await parts.stores.catalogues.all():
            raise Problem("catalogue-needs-approval")
        body = await body_of(request, parts, CatalogueBody)
        catalogue = await checked(body.content, parts.standing.catalogue)
        new = new_catalogue(catalogue, body.effective_from)
        try:
            await parts.stores.catalogues.add(new, actor_of(grant, request))
        except Taken:
            raise Problem("conflict") from None
        await parts.refresh()
        facts = {"version": new.version, "effective_from": new.effective_from, "digest": new.digest}
        return answer(facts | {"illustrative": new.illustrative}, 201)

    @router.get(
        "/v1/catalogues",
        summary="目录版本 · Catalogue versions",
        responses=documented_answer("全部 · All", {"catalogues": [LISTED]}),
    )
    async def list_catalogues(
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        parts.caller(authorization)
        known = parts.standing.catalogue
        rows = await parts.stores.catalogues.all()
        shown = [{**row, "in_force": known is not None and row["version"] == known.version} for row in rows]
        return answer({"catalogues": shown})

    @router.get(
        "/v1/catalogues/{version}",
        summary="一个版本的全文 · One version, whole",
        responses=documented_answer("全文 · The whole", {**LISTED, "content": {"manifest": {"version": "…"}}}),
    )
    async def one_catalogue(
        version: Annotated[str, Path(max_length=128)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        parts.caller(authorization)
        row = await parts.stores.catalogues.find(version)
        if row is None:
            raise Problem("not-found")
        return answer(row)

    return router
