"""Understands the OpenAPI document: what FastAPI knows of the routes, with keys and refusals, which are the same everywhere."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from credithub.http.openapi import event_schemas

OPEN = frozenset({"/healthz", "/readyz", "/v1/receipt-key", "/problems/{code}"})
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "status", "code", "title", "title_zh", "detail", "detail_zh", "what_to_do", "what_to_do_zh"],
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        **{
            name: {"type": "string"}
            for name in ("title", "title_zh", "detail", "detail_zh", "what_to_do", "what_to_do_zh")
        },
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
REFUSED = {
    "description": "拒绝：RFC 9457 · Refused: RFC 9457",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def document(app: FastAPI, url: str) -> dict[str, Any]:
    """Made once, then kept by the application."""
    if app.openapi_schema is None:
        app.openapi_schema = _made(app, url)
    return app.openapi_schema


def _made(app: FastAPI, url: str) -> dict[str, Any]:
    made = get_openapi(
        title="公共信用联动中枢 CreditHub",
        version=app.version,
        description=(
            "发起、响应、反馈、解除：部门报送事件与数据表，单位收通知并反馈。所附目录为示例。"
            " Trigger, act, feed back, lift: departments post events and tables, agencies are notified and answer."
            " The catalogue shipped is illustrative."
        ),
        routes=app.routes,
        servers=[{"url": url}] if url else None,
    )
    components = made.setdefault("components", {})
    components["schemas"] = components.get("schemas", {}) | event_schemas() | {"Problem": PROBLEM_SCHEMA}
    components["schemas"].pop("HTTPValidationError", None)
    components["schemas"].pop("ValidationError", None)
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "运营方发给的密钥 · A key from the operator: chk_…"}
    }
    for path, methods in made["paths"].items():
        for operation in methods.values():
            _finish(path, operation)
    return made


def _finish(path: str, operation: dict[str, Any]) -> None:
    """Every operation may be refused; all but the open ones need a key."""
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422", "")):
        del responses["422"]
    responses["default"] = REFUSED
    if path not in OPEN:
        operation["security"] = [{"key": []}]
