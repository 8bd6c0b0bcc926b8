"""Understands /v1/catalogues/proposals: proposed, consulted, approved by another hand; or rejected, withdrawn."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from credithub.domain.catalogue import Catalogue
from credithub.domain.catalogue.change import changes_criteria
from credithub.domain.persons import contains_person_number
from credithub.domain.reasons import Reason
from credithub.http.problem import Problem
from services.gateway.answers import answer
from services.gateway.bodies import Strict, body_of, documented_answer, documented_body
from services.gateway.parts import Parts
from services.gateway.routes.agencies import actor_of
from services.gateway.routes.checking import checked, new_catalogue
from services.gateway.routes.shelf import Versions
from services.gateway.store.acts import Taken
from services.gateway.store.catalogues import NewCatalogue
from services.gateway.store.database import Row
from services.gateway.store.proposals import NewProposal

CONSULTATION = "list-criteria-consultation"  # the period that says how long the public comments on list criteria
UNLESS_SAID = 30  # days, where a version lacks that period (国办发〔2020〕49号 四(七))
Text = Annotated[str, Field(max_length=2000)]
Version = Annotated[str, Path(max_length=128)]
Authorization = Annotated[str | None, Header(include_in_schema=False)]


class ProposalBody(Strict):
    """A whole catalogue as `credithub catalogue` writes it, from when it would judge, and why."""

    content: dict[str, Any]
    effective_from: date | None = None
    reason: Text = ""


class ConsultBody(Strict):
    """Public comment from the first day to the last."""

    consult_from: date = Field(alias="from")
    consult_to: date = Field(alias="to")
    reason: Text = ""


class ReasonBody(Strict):
    reason: Text = ""


class RefusalBody(Strict):
    """Why it is not approved."""

    reason: Annotated[str, Field(min_length=1, max_length=2000)]


EXAMPLE: dict[str, Any] = {
    "version": "2027-demo.1",
    "state": "consulted",
    "effective_from": "2027-01-01",
    "digest": "9b1c…",
    "compared_with": "2026-illustrative.2",
    "changes_criteria": True,
    "proposed_by": "k5q2…",
    "proposed_on": "2026-11-22",
    "consult_from": "2026-11-23",
    "consult_to": "2026-12-22",
    "approved_by": None,
}
STEP: dict[str, Any] = {"step": "proposed", "at": "2026-11-22T08:00:00Z", "actor": "k5q2…", "reason": "", "detail": {}}


def routes(parts: Parts, versions: Versions) -> APIRouter:
    router = APIRouter(tags=["catalogue 目录"])
    _reading(router, parts, versions)
    _proposing(router, parts, versions)
    _deciding(router, parts, versions)
    return router


def _reading(router: APIRouter, parts: Parts, versions: Versions) -> None:
    @router.get(
        "/v1/catalogues/proposals",
        summary="提案列表 · Proposed versions",
        responses=documented_answer("全部 · All", {"proposals": [EXAMPLE]}),
    )
    async def list_proposals(authorization: Authorization = None) -> Response:
        parts.caller(authorization)
        return answer({"proposals": await versions.proposals.all()})

    @router.get(
        "/v1/catalogues/proposals/{version}",
        summary="一个提案的全文与经过 · One proposal, whole, with its steps",
        responses=documented_answer("提案 · The proposal", {**EXAMPLE, "steps": [STEP], "content": {}}),
    )
    async def one_proposal(version: Version, authorization: Authorization = None) -> Response:
        parts.caller(authorization)
        row = await _found(versions, version)
        sweep = await parts.stores.catalogues.sweep(version)
        return answer({**row, "steps": await versions.proposals.steps(version), "sweep": sweep})


def _proposing(router: APIRouter, parts: Parts, versions: Versions) -> None:
    @router.post(
        "/v1/catalogues/proposals",
        status_code=201,
        summary="提出一个目录版本：先整体核对 · Propose a catalogue version; it is checked whole first",
        openapi_extra=documented_body(ProposalBody, {"content": {"manifest": {}}, "effective_from": "2027-01-01"}),
        responses=documented_answer("已提出 · Proposed", EXAMPLE, 201),
    )
    async def propose(request: Request, authorization: Authorization = None) -> Response:
        grant = parts.caller(authorization, "operator")
        body = await body_of(request, parts, ProposalBody)
        _clean(body.reason)
        catalogue = await checked(body.content, parts.standing.catalogue)
        new = await _new(parts, versions, catalogue, body)
        if await parts.stores.catalogues.find(catalogue.version) is not None:
            raise Problem("conflict")
        try:
            await versions.proposals.propose(new, actor_of(grant, request))
        except Taken:
            raise Problem("conflict") from None
        return await _shown(versions, catalogue.version, 201)

    @router.post(
        "/v1/catalogues/proposals/{version}/consult",
        summary="公开征求意见 · Public comment",
        openapi_extra=documented_body(ConsultBody, {"from": "2026-11-23", "to": "2026-12-22"}),
        responses=documented_answer("征求意见 · Consulted", EXAMPLE),
    )
    async def consult(request: Request, version: Version, authorization: Authorization = None) -> Response:
        grant = parts.caller(authorization, "operator")
        body = await body_of(request, parts, ConsultBody)
        _clean(body.reason)
        row = await _found(versions, version)
        await _long_enough(parts, row, body)
        if not await versions.proposals.consult(
            version, body.consult_from, body.consult_to, body.reason, actor_of(grant, request)
        ):
            raise Problem("proposal-state", state=row["state"], version=version)
        return await _shown(versions, version)


def _deciding(router: APIRouter, parts: Parts, versions: Versions) -> None:
    @router.post(
        "/v1/catalogues/proposals/{version}/approve",
        summary="批准（须由提出人以外的人）：装入，自生效日起生效 · Approve, by another person: loaded, in force on its day",
        openapi_extra=documented_body(ReasonBody, {"reason": "联席会议通过"}),
        responses=documented_answer("已批准 · Approved", {**EXAMPLE, "state": "approved"}),
    )
    async def approve(request: Request, version: Version, authorization: Authorization = None) -> Response:
        grant = parts.caller(authorization, "operator")
        body = await body_of(request, parts, ReasonBody)
        _clean(body.reason)
        row = await _found(versions, version)
        if row["state"] != "consulted":
            raise Problem("proposal-state", state=row["state"], version=version)
        if await versions.proposals.same_hand(grant.key, row["proposed_by"]):
            raise Problem("four-eyes")
        _now_due(parts, row)
        catalogue = await checked(row["content"], parts.standing.catalogue)  # what it rests on may have changed since
        new = new_catalogue(catalogue, row["effective_from"])
        if not await versions.proposals.approve(new, body.reason, actor_of(grant, request)):
            raise Problem("proposal-state", state=row["state"], version=version)
        await parts.refresh()
        return await _shown(versions, version)

    @router.post(
        "/v1/catalogues/proposals/{version}/reject",
        summary="否决；提出人本人为撤回 · Reject; by its proposer: withdraw",
        openapi_extra=documented_body(RefusalBody, {"reason": "依据不足"}),
        responses=documented_answer("已否决 · Rejected", {**EXAMPLE, "state": "rejected"}),
    )
    async def reject(request: Request, version: Version, authorization: Authorization = None) -> Response:
        grant = parts.caller(authorization, "operator")
        body = await body_of(request, parts, RefusalBody)
        _clean(body.reason)
        row = await _found(versions, version)
        own = await versions.proposals.same_hand(grant.key, row["proposed_by"])
        state = "withdrawn" if own else "rejected"
        if not await versions.proposals.end(version, state, body.reason, actor_of(grant, request)):
            raise Problem("proposal-state", state=row["state"], version=version)
        return await _shown(versions, version)


async def _new(parts: Parts, versions: Versions, catalogue: Catalogue, body: ProposalBody) -> NewProposal:
    loading: NewCatalogue = new_catalogue(catalogue, body.effective_from)
    if loading.effective_from < parts.standing.on:
        raise Problem("effective-date-past", date=loading.effective_from.isoformat())
    before = await versions.compared_with(catalogue, loading.effective_from)
    criteria = changes_criteria(before, catalogue) if before else bool(catalogue.list_types)
    return NewProposal(
        catalogue=loading,
        compared_with=before.version if before else None,
        changes_criteria=criteria,
        on=parts.standing.on,
        remarks=body.reason,
    )


async def _long_enough(parts: Parts, row: Row, body: ConsultBody) -> None:
    """It begins when there is something to comment on, and where list criteria change it lasts as the data says."""
    if body.consult_from < row["proposed_on"] or body.consult_to < body.consult_from:
        raise Problem("request-invalid", reasons=[Reason(code="date-implausible", field="from")])
    days = (body.consult_to - body.consult_from).days + 1
    least = _least(parts.standing.catalogue) if row["changes_criteria"] else 1
    if days < least:
        raise Problem("consultation-too-short", days=days, minimum=least)


def _least(catalogue: Catalogue | None) -> int:
    period = catalogue.period(CONSULTATION) if catalogue else None
    return period.minimum.number if period and period.minimum and period.minimum.unit == "days" else UNLESS_SAID


def _now_due(parts: Parts, row: Row) -> None:
    """The public has had its time, and the day on which it would be in force has not passed."""
    if parts.standing.on <= row["consult_to"]:
        raise Problem("consultation-open", until=row["consult_to"].isoformat())
    if row["effective_from"] < parts.standing.on:
        raise Problem("effective-date-past", date=row["effective_from"].isoformat())


def _clean(reason: str) -> None:
    if contains_person_number(reason):
        raise Problem("request-invalid", reasons=[Reason(code="person-number-in-field", field="reason")])


async def _found(versions: Versions, version: str) -> Row:
    row = await versions.proposals.find(version)
    if row is None:
        raise Problem("not-found")
    return row


async def _shown(versions: Versions, version: str, status: int = 200) -> Response:
    row = await _found(versions, version)
    told = {name: value for name, value in row.items() if name != "content"}
    return answer({**told, "steps": await versions.proposals.steps(version)}, status)
