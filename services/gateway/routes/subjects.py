"""Understands GET /v1/subjects/{code}: what the caller may know about one organisation, by any of its codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeGuard

from fastapi import APIRouter, Header, Path
from starlette.responses import Response

from credithub.domain.codes import SCHEMES, judge
from credithub.domain.persons import contains_person_number
from credithub.http.problem import Problem
from services.gateway.answers import answer
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.rules import Grant
from services.gateway.store.database import Row

EXAMPLE: dict[str, Any] = {
    "subject": {
        "organisation_code": "MAPDY0018",
        "unified_code": "91130822MAPDY00189",
        "name": "兴隆县示例建材有限公司（演示）",
        "status": "active",
        "seat": "130822",
    },
    "identifiers": [{"scheme": "registration_number", "value": "130822000000011", "since": "2020-01-01"}],
    "records": [{"record": "rec_5n3c…", "item": "penalty", "state": "active", "version": 1}],
    "obligations": [],
}


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["subjects 信用主体"])

    @router.get(
        "/v1/subjects/{code}",
        summary="信用主体：按角色可见的记录 · A subject: the records that the caller's role may see",
        description=(
            "报送单位见自己报送的记录；响应单位见其响应任务所附的内容；运营与审计见全部。"
            " A supplier sees the records it sent, an agency what its obligations grant, operators and auditors all."
        ),
        responses=documented_answer("主体 · The subject", EXAMPLE),
    )
    async def one_subject(
        code: Annotated[str, Path(max_length=64, description="任一种代码 · Any of its codes")],
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
    ) -> Response:
        grant = parts.caller(authorization)
        subject = await parts.stores.archive.subject(_looked_up(code), SCHEMES)
        if subject is None:
            raise Problem("not-found")
        seen = await _all(parts, subject) if grant.sees_all else await _granted(parts, grant, subject)
        if not grant.sees_all and not seen["records"] and not seen["obligations"]:
            raise Problem("not-found")
        return answer({"subject": subject, **seen})

    return router


def _looked_up(code: str) -> str:
    """The code on its normalised form where it is sound under some scheme."""
    for scheme in SCHEMES:
        value = judge(scheme, code).value
        if value is not None:
            return value
    if contains_person_number(code):
        raise Problem("not-found")
    return code


async def _all(parts: Parts, subject: Row) -> dict[str, Any]:
    archive, organisation = parts.stores.archive, subject["organisation_code"]
    return {
        "identifiers": await archive.identifiers(organisation),
        "records": await archive.records(organisation, supplier=None),
        "obligations": await archive.obligations_of(organisation, record=None, agency=None),
    }


async def _granted(parts: Parts, grant: Grant, subject: Row) -> dict[str, Any]:
    """Records it supplied itself, and those that came to it with an obligation, in the words of the notification."""
    archive, organisation = parts.stores.archive, subject["organisation_code"]
    records: list[dict[str, Any]] = []
    if grant.supplies:
        records += [dict(row) for row in await archive.records(organisation, supplier=grant.supplies)]
    obligations: Sequence[Row] = ()
    if grant.acts:
        obligations = await archive.obligations_of(organisation, record=None, agency=grant.acts)
        records += await _told(parts, obligations, {record["record"] for record in records})
    return {"records": records, "obligations": obligations}


async def _told(parts: Parts, obligations: Sequence[Row], known: set[str]) -> list[dict[str, Any]]:
    """The records inside what it was told of these obligations; each once, with all that any measure granted."""
    pairs = [(row["agency"], row["obligation"]) for row in obligations]
    told: dict[str, dict[str, Any]] = {}
    for row in await parts.stores.told.notifications(pairs, payload=True):
        payload: dict[str, Any] = row["payload"] or {}
        record: dict[str, Any] = payload.get("record") or {}
        if record and record["id"] not in known and not row["void"]:
            told[record["id"]] = _merged(told.get(record["id"]), record)
    return list(told.values())


def _merged(before: dict[str, Any] | None, record: dict[str, Any]) -> dict[str, Any]:
    """Two measures may grant an agency different fields of one record; it was told both."""
    shown = {"record": record["id"], **{name: value for name, value in record.items() if name != "id"}}
    if before is None or before.get("version") != shown.get("version"):
        return shown
    return shown | {"data": _joined(before.get("data"), shown.get("data"))}


def _joined(one: Any, other: Any) -> Any:
    if not (_is_object(one) and _is_object(other)):
        return other
    both = {name: _joined(one[name], other[name]) for name in one.keys() & other.keys()}
    return {**one, **other, **both}


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
