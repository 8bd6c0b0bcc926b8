"""Understands the operators' registry of agencies: brought in with credentials told once, listed, ended."""

from __future__ import annotations

import os
import secrets
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query
from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from credithub.domain.persons import contains_person_number, mask
from credithub.domain.reasons import Reason
from credithub.http.problem import Problem
from credithub.topics import agency_topics
from services.gateway.answers import answer, page
from services.gateway.auth import FreshKey
from services.gateway.bodies import Strict, body_of, documented_answer, documented_body
from services.gateway.parts import Parts
from services.gateway.rules import Grant
from services.gateway.store.acts import Actor, Taken
from services.gateway.store.agencies import NewAccount, NewAgency
from services.gateway.store.keys import NewKey

ITERATIONS = 8192  # of SCRAM-SHA-512; Kafka's own default is 4096

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
AgencyId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*-[0-9]{6}$", max_length=64)]


class AgencyBody(Strict):
    """An agency to bring in. Its id is `<department>-<division>`."""

    id: AgencyId
    department: Annotated[str, StringConstraints(max_length=57)] | None = None
    division: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None
    name_zh: Name
    name_en: Name
    kind: Literal["agency", "partner"] = "agency"
    channels: Annotated[tuple[Literal["kafka", "pull"], ...], Field(max_length=2)] = ("kafka", "pull")
    superior: AgencyId | None = None
    valid_from: date | None = None
    demo: bool = False


EXAMPLE = {
    "id": "mnr-130822",
    "name_zh": "兴隆县自然资源和规划局（演示）",
    "name_en": "Xinglong County Bureau of Natural Resources (demo)",
    "channels": ["kafka", "pull"],
    "demo": True,
}
TOLD_ONCE: dict[str, Any] = {
    "agency": EXAMPLE | {"department": "mnr", "division": "130822", "valid_from": "2026-11-22"},
    "key": {"id": "k5q2…", "secret": "chk_k5q2…_…", "roles": ["agency"]},
    "kafka": {
        "bootstrap": "127.0.0.1:19094",
        "mechanism": "SCRAM-SHA-512",
        "username": "mnr-130822",
        "password": "…",
        "topics": ["credit.agency.mnr-130822", "credit.agency.mnr-130822.ends", "credit.agency.mnr-130822.feedback"],
    },
}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["registry 登记（运营）"])

    @router.post(
        "/v1/agencies",
        status_code=201,
        summary="接入单位：密钥与口令只显示这一次 · Bring an agency in; its key and password are told this once",
        openapi_extra=documented_body(AgencyBody, EXAMPLE),
        responses=documented_answer("已接入 · Brought in", TOLD_ONCE, 201),
    )
    async def add_agency(
        request: Request, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
    ) -> Response:
        grant = parts.caller(authorization, "operator")
        agency = _read(parts, await body_of(request, parts, AgencyBody))
        if agency.superior is not None and await parts.stores.agencies.find(agency.superior) is None:
            raise Problem("request-invalid", reasons=[Reason(code="enumeration-unknown", field="superior")])
        fresh = parts.ring.fresh()
        password = secrets.token_urlsafe(24)
        account = _account(parts, agency.id, password) if "kafka" in agency.channels else None
        try:
            await parts.stores.agencies.add(agency, account, _first_key(fresh, agency.id), actor_of(grant, request))
        except Taken:
            raise Problem("conflict") from None
        await parts.refresh()
        return answer(_told_once(parts, agency, fresh, password if account else None), 201)

    @router.get(
        "/v1/agencies",
        summary="单位列表 · Agencies",
        responses=documented_answer("一页 · One page", {"agencies": [TOLD_ONCE["agency"]], "next": None}),
    )
    async def list_agencies(
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        after: Annotated[str, Query(max_length=64)] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
    ) -> Response:
        parts.caller(authorization, "operator", "auditor")
        return page("agencies", await parts.stores.agencies.page(after=after, limit=limit + 1), limit, "id")

    @router.delete(
        "/v1/agencies/{agency}",
        summary="撤销单位：其密钥与连接随即停用 · End an agency: its keys and connections stop",
        responses=documented_answer("已撤销 · Ended", {"agency": "mnr-130822", "ended": True}),
    )
    async def end_agency(
        request: Request,
        agency: Annotated[str, Path(max_length=64)],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization, "operator")
        if not await parts.stores.agencies.end(agency, parts.standing.on, actor_of(grant, request)):
            raise Problem("not-found")
        await parts.refresh()
        return answer({"agency": agency, "ended": True})

    return router


def actor_of(grant: Grant, request: Request) -> Actor:
    return Actor(key=grant.key, agency=grant.agency, request=request.scope.get("request_id"))


def _read(parts: Parts, body: AgencyBody) -> NewAgency:
    """What the body says and its id implies; Problem where they disagree or the department is unknown."""
    department, _, division = body.id.rpartition("-")
    faults = [
        Reason(code="form-wrong", field=name)
        for name, given, implied in (("department", body.department, department), ("division", body.division, division))
        if given not in (None, implied)
    ]
    if parts.standing.in_force().department(department) is None:
        faults.append(Reason(code="enumeration-unknown", field="department", value=mask(department)))
    if contains_person_number(f"{body.name_zh} {body.name_en}"):
        faults.append(Reason(code="person-number-in-field", field="name_zh"))
    if faults:
        raise Problem("request-invalid", reasons=faults)
    return NewAgency(
        id=body.id,
        department=department,
        division=division,
        name_zh=body.name_zh,
        name_en=body.name_en,
        kind=body.kind,
        channels=sorted(set(body.channels)),
        superior=body.superior,
        valid_from=body.valid_from or parts.standing.on,
        demo=body.demo,
    )


def _account(parts: Parts, agency: str, password: str) -> NewAccount:
    salt = os.urandom(24)
    # The password itself, sealed: Kafka's admin client makes the salted one of it and takes no other.
    sealed = parts.vault.encrypt(password.encode(), b"kafka-account:" + agency.encode())
    return NewAccount(username=agency, iterations=ITERATIONS, salt=salt, sealed_password=sealed)


def _first_key(fresh: FreshKey, agency: str) -> NewKey:
    return NewKey(
        id=fresh.id,
        prefix=fresh.prefix,
        hash=fresh.hash,
        agency=agency,
        label="",
        roles=["agency"],
        items=[],
        sources=[],
        expires_at=None,
    )


def _told_once(parts: Parts, agency: NewAgency, fresh: FreshKey, password: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "agency": {name: getattr(agency, name) for name in ("id", "department", "division", "name_zh", "name_en", "kind",
                                                            "channels", "superior", "valid_from", "demo")},
        "key": {"id": fresh.id, "secret": fresh.secret, "roles": ["agency"]},
    }  # fmt: skip
    if password is not None:
        told["kafka"] = {
            "bootstrap": parts.settings.kafka_agency_bootstrap or parts.settings.kafka_bootstrap,
            "mechanism": "SCRAM-SHA-512",
            "username": agency.id,
            "password": password,
            "topics": [topic.name for topic in agency_topics(agency.id)],
        }
    return told
