"""Understands the operators' keeping of API keys: made, listed, rotated with an overlap, disabled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query
from pydantic import AwareDatetime, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from credithub.clock import wall
from credithub.domain.persons import contains_person_number, mask
from credithub.domain.reasons import Reason
from credithub.http.problem import Problem
from services.gateway.answers import answer, page
from services.gateway.auth import FreshKey
from services.gateway.bodies import Strict, body_of, documented_answer, documented_body
from services.gateway.parts import Parts
from services.gateway.routes.agencies import actor_of
from services.gateway.store.acts import Taken
from services.gateway.store.database import Row
from services.gateway.store.keys import NewKey

LONGEST_OVERLAP = 7 * 24  # hours
LONGEST_LIFE = timedelta(days=3653)
OWN_SOURCES = "//hub/"  # the hub's own, one a key, for what is done through its doors
Source = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+$", max_length=256)]


class KeyBody(Strict):
    """A key to make. `items` and `sources` are what a supplier may report, and under which names."""

    roles: Annotated[list[Literal["supplier", "agency", "operator", "auditor"]], Field(min_length=1, max_length=4)]
    agency: Annotated[str, StringConstraints(max_length=64)] | None = None
    items: Annotated[tuple[Annotated[str, StringConstraints(max_length=64)], ...], Field(max_length=100)] = ()
    sources: Annotated[tuple[Source, ...], Field(max_length=100)] = ()
    label: Annotated[str, StringConstraints(max_length=200)] = ""
    expires_at: AwareDatetime | None = None


class RotateBody(Strict):
    """How long the old key stays valid beside the new one."""

    overlap_hours: Annotated[int, Field(ge=0, le=LONGEST_OVERLAP)] = 24


EXAMPLE = {
    "roles": ["supplier"],
    "agency": "mnr-130822",
    "items": ["licence"],
    "sources": ["//mnr-130822/licences"],
    "label": "许可系统",
}
LISTED = EXAMPLE | {
    "id": "k5q2…",
    "prefix": "chk_k5q2…_Xa81bQ",
    "created_at": "2026-11-22T00:00:00Z",
    "disabled_at": None,
}
MADE: dict[str, Any] = EXAMPLE | {"id": "k5q2…", "secret": "chk_k5q2…_…", "expires_at": None}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["registry 登记（运营）"])

    @router.post(
        "/v1/keys",
        status_code=201,
        summary="新建密钥，只显示这一次 · Make a key; it is told this once",
        openapi_extra=documented_body(KeyBody, EXAMPLE),
        responses=documented_answer("已建 · Made", MADE, 201),
    )
    async def add_key(
        request: Request, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
    ) -> Response:
        grant = parts.caller(authorization, "operator")
        body = await body_of(request, parts, KeyBody)
        await _check(parts, body)
        key = _new(parts.ring.fresh(), body.model_dump())
        await _add(parts.stores.keys.add(key[1], actor_of(grant, request)))
        await parts.refresh()
        return answer(_made(*key), 201)

    @router.get(
        "/v1/keys",
        summary="密钥列表（不含密钥本身） · Keys, without the keys themselves",
        responses=documented_answer("一页 · One page", {"keys": [LISTED], "next": None}),
    )
    async def list_keys(
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        after: Annotated[str, Query(max_length=64)] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    ) -> Response:
        parts.caller(authorization, "operator", "auditor")
        return page("keys", await parts.stores.keys.page(after=after, limit=limit + 1), limit, "id")

    @router.post(
        "/v1/keys/{key}/rotate",
        status_code=201,
        summary="轮换：新旧密钥有一段重叠期 · Rotate; old and new overlap",
        openapi_extra=documented_body(RotateBody, {"overlap_hours": 24}),
        responses=documented_answer("新密钥 · The new key", MADE | {"replaces": "a7d1…"}, 201),
    )
    async def rotate_key(
        request: Request,
        key: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "operator")
        asked = RotateBody() if await _is_empty(request) else await body_of(request, parts, RotateBody)
        old = await parts.stores.keys.find(key)
        if old is None:
            raise Problem("not-found")
        made = _new(parts.ring.fresh(), old)
        overlap = timedelta(hours=asked.overlap_hours)
        if not await parts.stores.keys.rotate(key, made[1], overlap, actor_of(grant, request)):
            raise Problem("conflict")
        await parts.refresh()
        return answer(_made(*made) | {"replaces": key}, 201)

    @router.post(
        "/v1/keys/{key}/disable",
        summary="立即停用 · Disable at once",
        responses=documented_answer("已停用 · Disabled", {"key": "k5q2…", "disabled": True}),
    )
    async def disable_key(
        request: Request,
        key: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "operator")
        if not await parts.stores.keys.disable(key, actor_of(grant, request)):
            raise Problem("not-found")
        await parts.refresh()
        return answer({"key": key, "disabled": True})

    return router


async def _check(parts: Parts, body: KeyBody) -> None:
    """Whoever speaks for an agency needs one in force; whoever supplies may supply only what its department owns."""
    speaks = {"supplier", "agency"} & set(body.roles)
    agency = await parts.stores.agencies.find(body.agency) if body.agency is not None else None
    faults: list[Reason] = []
    if (body.agency is not None or speaks) and (agency is None or agency["valid_to"] is not None):
        faults.append(Reason(code="enumeration-unknown" if body.agency else "required-missing", field="agency"))
    faults += _faults_of_supplier(parts, body, agency)
    if contains_person_number(body.label):
        faults.append(Reason(code="person-number-in-field", field="label"))
    if body.expires_at is not None and not timedelta(0) < body.expires_at - wall() < LONGEST_LIFE:
        faults.append(Reason(code="date-implausible", field="expires_at"))
    if faults:
        raise Problem("request-invalid", reasons=faults)


def _faults_of_supplier(parts: Parts, body: KeyBody, agency: Row | None) -> Sequence[Reason]:
    if "supplier" not in body.roles:
        return [Reason(code="field-unknown", field=name) for name in ("items", "sources") if getattr(body, name)]
    faults = [Reason(code="required-missing", field=name) for name in ("items", "sources") if not getattr(body, name)]
    faults += [
        Reason(code="person-number-in-field", field="sources") for s in body.sources if contains_person_number(s)
    ]
    faults += [Reason(code="form-wrong", field="sources") for s in body.sources if s.startswith(OWN_SOURCES)]
    catalogue = parts.standing.in_force()
    for item in body.items:
        if catalogue.item(item) is None:
            faults.append(Reason(code="item-not-in-catalogue", field="items", value=mask(item)))
        elif agency is not None and not catalogue.may_report(agency["department"], item):
            faults.append(Reason(code="owner-not-allowed", field="items", value=item))
    return faults


async def _is_empty(request: Request) -> bool:
    return request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers


async def _add(adding: Any) -> None:
    try:
        await adding
    except Taken:
        raise Problem("conflict") from None


def _new(fresh: FreshKey, like: Any) -> tuple[FreshKey, NewKey]:
    """A fresh key that may do what `like` says: a request's body, or the key it takes over from."""
    expires: datetime | None = like["expires_at"]
    return fresh, NewKey(
        id=fresh.id,
        prefix=fresh.prefix,
        hash=fresh.hash,
        agency=like["agency"],
        label=like["label"],
        roles=sorted(set(like["roles"])),
        items=sorted(set(like["items"])),
        sources=sorted(set(like["sources"])),
        expires_at=expires,
    )


def _made(fresh: FreshKey, key: NewKey) -> dict[str, Any]:
    told = {name: getattr(key, name) for name in ("id", "agency", "roles", "items", "sources", "label", "expires_at")}
    return told | {"secret": fresh.secret}
