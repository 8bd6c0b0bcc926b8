"""Understands GET /v1/subjects/{code}: what the caller may know about one organisation, by any code it has or had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from credithub.domain import linked
from credithub.domain.codes import SCHEMES, judge
from credithub.domain.persons import contains_person_number
from credithub.http.problem import Problem
from services.gateway.answers import answer
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.routes.entitled import told_records
from services.gateway.routes.past import AS_OF_HELP, RECEIPT_HELP, moment_of
from services.gateway.rules import Grant
from services.gateway.store.database import Row

RECORD: dict[str, Any] = {"record": "rec_5n3c…", "item": "penalty", "state": "active", "version": 1}
SUBJECT: dict[str, Any] = {
    "organisation_code": "MAPDY0018",
    "unified_code": "91130822MAPDY00189",
    "name": "兴隆县示例建材有限公司（演示）",
    "status": "active",
    "seat": "130822",
}
EXAMPLE: dict[str, Any] = {
    "subject": SUBJECT,
    "asked_for": None,
    "linked": [],
    "identifiers": [{"scheme": "registration_number", "value": "130822000000011", "since": "2020-01-01"}],
    "records": [RECORD],
    "obligations": [],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A subject, with every code that is the same one; `asked_for` where it goes on under another."""

    subject: Row
    codes: tuple[str, ...]
    links: Sequence[Row]
    asked_for: Row | None

    def told(self) -> dict[str, Any]:
        return {"subject": self.subject, "asked_for": self.asked_for, "linked": self.links}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["subjects 信用主体"])

    @router.get(
        "/v1/subjects/{code}",
        summary="信用主体：按角色可见的记录 · A subject: the records that the caller's role may see",
        description=(
            "报送单位见自己报送的记录；响应单位见其响应任务所附、仍在用的内容；运营与审计见全部。换码、合并的主体作为一个：以旧码"
            "查询，答复现主体并注明。 A supplier sees the records it sent, an agency what its obligations grant of those"
            " in use, operators and auditors all. Re-coded and merged subjects are read as one: an old code answers with"
            " the successor and says so in `asked_for`."
        ),
        responses=documented_answer("主体 · The subject", EXAMPLE),
    )
    async def one_subject(
        code: Annotated[str, Path(max_length=64, description="任一种代码 · Any of its codes")],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization)
        found = await found_by(parts, code)
        seen = await (_all(parts, found) if grant.sees_all else _granted(parts, grant, found))
        if not grant.sees_all and not seen["records"] and not seen["obligations"]:
            raise Problem("not-found")
        return answer({**found.told(), **seen})

    @router.get(
        "/v1/subjects/{code}/records",
        summary="主体的信用记录；as_of 为当时所知 · A subject's records; `as_of` for what was known then",
        responses=documented_answer("记录 · The records", {"subject": SUBJECT, "records": [RECORD], "as_of": None}),
    )
    async def records_of_subject(
        code: Annotated[str, Path(max_length=64, description="任一种代码 · Any of its codes")],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        as_of: Annotated[str | None, Query(max_length=40, description=AS_OF_HELP)] = None,
        receipt: Annotated[str | None, Query(max_length=64, description=RECEIPT_HELP)] = None,
    ) -> Response:
        grant = parts.caller(authorization)
        found = await found_by(parts, code)
        moment = await moment_of(parts, grant, as_of, receipt, found.codes, None)
        if moment is not None:
            supplier = None if grant.sees_all else grant.supplies
            records = await parts.stores.history.as_of(found.codes, moment, supplier=supplier)
            return answer({**found.told(), "records": records, "as_of": moment})
        seen = await (_all(parts, found) if grant.sees_all else _granted(parts, grant, found))
        if not grant.sees_all and not seen["records"]:
            raise Problem("not-found")
        return answer({**found.told(), "records": seen["records"], "as_of": None})

    return router


async def found_by(parts: Parts, code: str) -> Found:
    """The subject as it goes on, with all its codes; Problem where nobody has this one."""
    archive = parts.stores.archive
    row = await archive.subject(_looked_up(code), SCHEMES)
    if row is None:
        raise Problem("not-found")
    own = row["organisation_code"]
    links = await archive.links(own)
    successor = linked.successor(own, links)
    now = row if successor == own else await archive.subject(successor, ()) or row
    return Found(subject=now, codes=linked.group(own, links), links=links, asked_for=None if now is row else row)


async def codes_of(parts: Parts, code: str) -> tuple[str, ...]:
    """The organisation code that any code stands for, and those joined with it; nothing for nobody's."""
    row = await parts.stores.archive.subject(_looked_up(code), SCHEMES)
    if row is None:
        return ()
    return linked.group(row["organisation_code"], await parts.stores.archive.links(row["organisation_code"]))


def _looked_up(code: str) -> str:
    """The code on its normalised form where it is sound under some scheme."""
    for scheme in SCHEMES:
        value = judge(scheme, code).value
        if value is not None:
            return value
    if contains_person_number(code):
        raise Problem("not-found")
    return code


async def _all(parts: Parts, found: Found) -> dict[str, Any]:
    stores = parts.stores
    return {
        "identifiers": await stores.archive.identifiers(found.codes),
        "records": await stores.archive.records(found.codes, supplier=None),
        "obligations": await stores.obligations.of_subjects(found.codes, record=None, agency=None),
    }


async def _granted(parts: Parts, grant: Grant, found: Found) -> dict[str, Any]:
    """Records it supplied itself, and those that came to it with an obligation, in the words of the notification."""
    stores = parts.stores
    everything = await stores.archive.records(found.codes, supplier=None)
    records = [dict(row) for row in everything if grant.supplies and row["supplier"] == grant.supplies]
    obligations: Sequence[Row] = ()
    if grant.acts:
        obligations = await stores.obligations.of_subjects(found.codes, record=None, agency=grant.acts)
        records += await told_records(parts, obligations, everything, {record["record"] for record in records})
    return {"records": records, "obligations": obligations}
