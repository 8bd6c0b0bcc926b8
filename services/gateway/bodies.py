"""Understands request bodies of the smaller routes: strict JSON into a strict model, nothing besides."""

from __future__ import annotations

from typing import Any, TypeVar

import orjson
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request

from credithub.http.cloudevents import bad_json
from credithub.http.problem import Problem
from credithub.http.strictjson import BadJson, JsonLimits, loads
from services.gateway.edge import header, read_body
from services.gateway.parts import Parts

M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """A body of which every field is known and of its own type."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


async def json_body(request: Request, parts: Parts) -> Any:
    """The body as JSON; Problem for what is none."""
    kind = (header(request.scope, b"content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem("media-type-unsupported")
    limits = JsonLimits(size=parts.settings.limit_json_bytes, depth=parts.settings.limit_depth)
    raw = await read_body(request.scope, request.receive, limits.size, parts.load)
    try:
        return loads(raw, limits)
    except BadJson as refusal:
        raise bad_json(refusal) from None


async def body_of(request: Request, parts: Parts, model: type[M]) -> M:
    """The body as this model; Problem `request-invalid` names every field at fault."""
    value = await json_body(request, parts)
    try:
        return model.model_validate_json(orjson.dumps(value))
    except ValidationError as refusal:
        raise RequestValidationError(refusal.errors(include_url=False, include_input=False)) from None


def documented_body(model: type[BaseModel], example: object) -> dict[str, Any]:
    """What OpenAPI says of such a body."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


def documented_answer(description: str, example: object, status: int = 200) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of the answer that is hoped for."""
    return {status: {"description": description, "content": {"application/json": {"example": example}}}}
