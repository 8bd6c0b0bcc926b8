"""Understands how an act on a record becomes an event: written down once, judged by its kind's schema, sent like any other."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import orjson
from starlette.requests import Request
from starlette.responses import Response

from credithub import schemas
from credithub.domain.events import JsonObject, type_of
from credithub.domain.reasons import Reason
from credithub.http import cloudevents
from credithub.http.cloudevents import STRUCTURED, Refusal
from credithub.http.problem import Problem
from credithub.ids import uuid7
from services.gateway.bodies import documented_answer, json_body
from services.gateway.parts import Parts
from services.gateway.routes.events import PostEvents
from services.gateway.routes.events_documented import RECEIVED
from services.gateway.rules import Grant
from services.gateway.store.database import Row

HUB = "hub"  # the supplier of what operators do
HUB_SOURCES = "//hub/"  # each key's own source is below it; no key is given one by hand
HUB_NAME = "公共信用信息联动中枢运营单位"
LONGEST_NAME = 180  # bytes of what tells an act from others; longer ones stand as their digest
KEY = re.compile(r"[\x21-\x7e]{1,128}")
IDEMPOTENCY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 128},
    "description": "同一键重发即为重复，不产生变化 · The same key again is a repeat and changes nothing",
    "example": "01997f0e-4ad8",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a caller does: the members of the kind's own group, and what else its event says."""

    kind: str
    group: str
    said: JsonObject
    subject: Row  # with name and codes
    record: str | None = None
    number: str = ""  # of the objection, application or paper; tells this act from others of its kind
    more: JsonObject = field(default_factory=dict[str, Any])  # groups beside: {"objection": {"number"}}
    needs_paper: bool = False  # whether the caller has to name the document it rests on
    told: JsonObject = field(default_factory=dict[str, Any])  # stands in the answer


class Sending:
    """The acts' way into the same line that POST /v1/events uses."""

    def __init__(self, parts: Parts, post: PostEvents) -> None:
        self._parts = parts
        self._post = post

    async def send(self, request: Request, grant: Grant, supplier: str, act: Act) -> Response:
        """202 with the signed receipt. Problem `request-invalid` names every field at fault."""
        data = await self._data(supplier, act)
        faults = schemas.faults(act.kind, data)
        if faults:
            raise Problem("request-invalid", reasons=[_as_sent(fault, act.group) for fault in faults])
        event = {
            "specversion": "1.0",
            "type": type_of(act.kind),
            "source": HUB_SOURCES + grant.key,
            "id": event_id(request, act),
            "data": data,
        }
        (entry,) = cloudevents.parse([(b"content-type", STRUCTURED.encode())], orjson.dumps(event))
        if isinstance(entry, Refusal):
            raise Problem("request-invalid", reasons=entry.reasons)
        items = grant.items if supplier == grant.supplies else self._every_item()
        told = {**act.told, "event": {"source": entry.source, "id": entry.id, "type": event["type"]}}
        status, headers, body = await self._post.carry(
            request.scope, entry, supplier=supplier, items=sorted(items), more=told
        )
        return Response(body, status, {name.decode(): value.decode() for name, value in headers})

    def _every_item(self) -> Collection[str]:
        """What the hub itself and executing agencies do is about whichever item the record is of."""
        return [item.code for item in self._parts.standing.in_force().items]

    async def _data(self, supplier: str, act: Act) -> JsonObject:
        said = dict(act.said)
        paper, remarks = said.pop("document", None), said.pop("remarks", None)
        data: JsonObject = {"subject": subject_of(act.subject), **act.more, act.group: said}
        if act.record is not None:
            data["record"] = {"id": act.record}
        if remarks is not None:
            data["remarks"] = remarks
        if paper is not None or act.needs_paper:
            return data | ({"document": paper} if paper is not None else {})
        return data | {"document": await self._own_paper(supplier, act)}

    async def _own_paper(self, supplier: str, act: Act) -> JsonObject:
        """Where no document is named, the filing itself is the paper."""
        agency = None if supplier == HUB else await self._parts.stores.agencies.find(supplier)
        issuer = HUB_NAME if supplier == HUB else str((agency or {}).get("name_zh") or supplier)
        return {"number": act.number, "issuer": issuer, "decided_on": self._parts.standing.on.isoformat()}


def event_id(request: Request, act: Act) -> str:
    """The caller's own key, else the number it gave: a repeat is known by it. Each kind and record counts by itself."""
    key = idempotency_key(request)
    name = f"{act.record or act.subject['organisation_code']}/{act.number}" if key is None else key
    if len(name.encode()) > LONGEST_NAME:
        name = hashlib.sha256(name.encode()).hexdigest()
    return f"{act.kind}/{name}"


def idempotency_key(request: Request) -> str | None:
    given = request.headers.get("idempotency-key")
    if given is not None and not KEY.fullmatch(given):
        raise Problem("request-invalid", reasons=[Reason(code="form-wrong", field="Idempotency-Key")])
    return given


def number_of(parts: Parts, request: Request, grant: Grant, body: JsonObject, prefix: str) -> str:
    """The number that the caller gave, or one of ours: the same again for the same Idempotency-Key."""
    given = body.pop("number", None)
    if isinstance(given, str) and given.strip():
        if "/" in given:  # it stands in addresses
            raise Problem("request-invalid", reasons=[Reason(code="form-wrong", field="number")])
        return given
    if given is not None:
        raise Problem("request-invalid", reasons=[Reason(code="type-wrong", field="number")])
    chance = parts.vault.hmac("act", f"{grant.key}|{prefix}|{idempotency_key(request) or uuid7()}")
    return f"{prefix}-{chance[:12].upper()}"


async def form_of(request: Request, parts: Parts) -> JsonObject:
    """The body, an object, without members that are null."""
    body = await json_body(request, parts)
    if not isinstance(body, dict):
        raise Problem("request-invalid", reasons=[Reason(code="type-wrong")])
    return {name: value for name, value in cast("JsonObject", body).items() if value is not None}


def text_of(body: JsonObject, name: str) -> str:
    """A member that must be there, and a text."""
    value = body.pop(name, None)
    if not isinstance(value, str) or not value:
        code = "required-missing" if value in (None, "") else "type-wrong"
        raise Problem("request-invalid", reasons=[Reason(code=code, field=name)])
    return value


def subject_of(row: Row) -> JsonObject:
    """The subject as an event names it."""
    named: JsonObject = {"name": row["name"] or row["organisation_code"]}
    code = "unified_code" if row["unified_code"] else "organisation_code"
    return named | {code: row[code]}


def paper_number(body: Mapping[str, Any]) -> str:
    """The number of the document that an act rests on; what is none will be named by the schema."""
    document = body.get("document")
    number = cast("JsonObject", document).get("number") if isinstance(document, dict) else None
    return number if isinstance(number, str) else ""


def documented(
    kind: str, group: str, example: JsonObject, *, without: Collection[str] = (), also: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What OpenAPI says of an act: the members of the kind's own group, flat, with the paper and remarks."""
    whole = schemas.schema(kind)["properties"]
    own = cast("JsonObject", whole[group])
    members: JsonObject = {name: part for name, part in own["properties"].items() if name not in without}
    required = [name for name in own.get("required", ()) if name not in {*without, "number"}]
    shape = {
        "type": "object",
        "additionalProperties": False,
        "required": [*(also or {}), *required],
        "properties": {**(also or {}), **members, "document": whole["document"], "remarks": whole["remarks"]},
    }
    return {
        "openapi_extra": {
            "parameters": [IDEMPOTENCY],
            "requestBody": {"required": True, "content": {"application/json": {"schema": shape, "example": example}}},
        },
        "status_code": 202,
        "responses": documented_answer(
            "已收到，附签名回执；是否成立由匹配服务判定"
            " · Received, with a signed receipt; the matcher judges it, GET the submission for its outcome",
            RECEIVED | {"event": {"source": "//hub/k5q2", "id": f"{kind}/rec_5n3c/1", "type": type_of(kind)}},
            202,
        ),
    }


RECORD_MEMBER: JsonObject = {
    "record": {"type": "string", "title": "记录编号 / Id of the record", "pattern": "^rec_[0-9A-Za-z_-]{1,60}$"}
}


def _as_sent(fault: Reason, group: str) -> Reason:
    """The field as it stood in the body, where the group's members are flat."""
    place = fault.field or ""
    return Reason(code=fault.code, field=place.removeprefix(group + ".") or None, value=fault.value, hint=fault.hint)
