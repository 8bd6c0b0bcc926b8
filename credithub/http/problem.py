"""Understands how a refusal is told over HTTP: RFC 9457 problem+json, always in Chinese and English.

The texts are a closed table, schemas/openapi/problems.json. Nothing of the inside is told: no exception, no SQL, no
path, and for something absent the same words as for something foreign.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from credithub.domain.reasons import REASONS, Reason
from credithub.errors import Unavailable
from credithub.schemas import schemas_dir

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5  # what a client is asked to wait while Kafka or PostgreSQL is away
_OF_STATUS = {401: "key-refused", 403: "role-missing", 404: "not-found", 405: "method-not-allowed",
              408: "too-slow", 413: "body-too-large", 415: "media-type-unsupported", 429: "rate-limited",
              503: "database-away"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemText:
    """One row of the table. `{name}` in a detail is filled from the problem's parameters."""

    code: str
    status: int
    title: str
    title_zh: str
    detail: str
    detail_zh: str
    what_to_do: str
    what_to_do_zh: str


def _table() -> Mapping[str, ProblemText]:
    rows = orjson.loads((schemas_dir() / "openapi" / "problems.json").read_bytes())
    return {row["code"]: ProblemText(**row) for row in rows}


PROBLEMS = _table()


class Refused(Protocol):
    """An entry that was refused: where it stood and why."""

    @property
    def index(self) -> int: ...
    @property
    def reasons(self) -> tuple[Reason, ...]: ...


class Problem(Exception):
    """Raised anywhere under a route; becomes the answer. `params` fill the texts and stand in the body as members,
    `reasons` and `entries` become `errors`."""

    def __init__(
        self,
        code: str,
        *,
        reasons: Iterable[Reason] = (),
        entries: Iterable[Refused] = (),
        headers: Mapping[str, str] | None = None,
        **params: str | int,
    ) -> None:
        super().__init__(code)
        self.text = PROBLEMS[code]
        self.errors = [_told(reason) for reason in reasons]
        self.errors += [{"index": entry.index} | _told(reason) for entry in entries for reason in entry.reasons]
        self.headers = dict(headers or {})
        self.params = params

    @property
    def status(self) -> int:
        return self.text.status

    def body(self, chinese_first: bool = True) -> dict[str, Any]:
        """The members of the answer. The language asked for only decides which text of a pair comes first."""
        pairs = [(name, name + "_zh") for name in ("title", "detail", "what_to_do")]
        names = [name for pair in pairs for name in (reversed(pair) if chinese_first else pair)]
        told: dict[str, Any] = {"type": f"/problems/{self.text.code}", "status": self.status, "code": self.text.code}
        told |= {name: _filled(getattr(self.text, name), self.params) for name in names}
        return told | self.params | ({"errors": self.errors} if self.errors else {})


def response(problem: Problem, accept_language: str = "") -> Response:
    """The problem as an answer."""
    headers = {"Content-Language": "zh, en", "Cache-Control": "no-store"} | problem.headers
    if problem.status in (429, 503, 507):
        headers = {"Retry-After": str(RETRY_SECONDS)} | headers
    if problem.status == 401:
        headers = {"WWW-Authenticate": "Bearer"} | headers
    body = orjson.dumps(problem.body(_chinese_first(accept_language)))
    return Response(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Makes every refusal of this application a problem, those of the framework too."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Unavailable, _on_unavailable)
    app.add_exception_handler(Exception, _on_bug)


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _answer(request, error)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _answer(request, Problem("request-invalid", reasons=(_of_pydantic(fault) for fault in error.errors())))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _OF_STATUS.get(error.status_code, "internal" if error.status_code >= 500 else "request-invalid")
    return _answer(request, Problem(code, headers=error.headers))


async def _on_unavailable(request: Request, error: Exception) -> Response:
    return _answer(request, Problem("kafka-away" if "kafka" in str(error).lower() else "database-away"))


async def _on_bug(request: Request, _error: Exception) -> Response:
    """The exception itself goes on to the server's log, where the framework raises it again."""
    return _answer(request, Problem("internal"))


def _answer(request: Request, problem: Problem) -> Response:
    return response(problem, request.headers.get("accept-language", ""))


def _told(reason: Reason) -> dict[str, Any]:
    facts = {"row": reason.row, "field": reason.field, "code": reason.code, "value": reason.value, "hint": reason.hint}
    told = {name: value for name, value in facts.items() if value is not None}
    if (text := REASONS.get(reason.code)) is None:  # an answer must not fail for want of words
        return told
    place = reason.code.partition("@")[2]
    return told | {
        "detail": text.en.replace("{n}", place),
        "detail_zh": text.zh.replace("{n}", place),
        "what_to_do": text.do_en,
        "what_to_do_zh": text.do_zh,
    }


def _of_pydantic(fault: Mapping[str, Any]) -> Reason:
    """Where a parameter is wrong and in which way; what it was is not repeated."""
    sort = str(fault["type"])
    place = ".".join(str(part) for part in fault["loc"])
    if sort == "missing":
        return Reason(code="required-missing", field=place)
    if sort == "extra_forbidden":
        return Reason(code="field-unknown", field=place.rpartition(".")[0] or None)
    if sort in ("enum", "literal_error"):
        return Reason(code="enumeration-unknown", field=place)
    return Reason(code="type-wrong" if sort.endswith(("_type", "_parsing")) else "form-wrong", field=place)


def _filled(text: str, params: Mapping[str, str | int]) -> str:
    for name, value in params.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def _chinese_first(accept_language: str) -> bool:
    """Chinese unless the first language that the client names is another."""
    first = accept_language.strip().lower()
    return not first or first.startswith(("zh", "*"))
