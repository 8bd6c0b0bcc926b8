"""Understands what a client is told when it is refused."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi import FastAPI, Query
from starlette.exceptions import HTTPException

from credithub.domain.reasons import Reason
from credithub.errors import Unavailable
from credithub.http.cloudevents import Refusal
from credithub.http.problem import PROBLEMS, Problem, install, response

pytestmark = pytest.mark.unit
PAIRS = ("title", "detail", "what_to_do")


@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_problem_says_in_both_languages_what_is_wrong_and_what_to_do(code: str) -> None:
    text = PROBLEMS[code]
    assert 400 <= text.status < 600
    for name in PAIRS:
        assert re.search(r"[\u4e00-\u9fff]", getattr(text, name + "_zh"))
        assert not re.search(r"[\u4e00-\u9fff]", getattr(text, name))
    assert set(re.findall(r"{(\w+)}", text.detail)) == set(re.findall(r"{(\w+)}", text.detail_zh))


def test_a_problem_has_the_members_of_rfc_9457_and_ours() -> None:
    body = Problem("batch-too-long", most=1000, found=1001).body()
    assert body["type"] == "/problems/batch-too-long"
    assert (body["status"], body["code"]) == (413, "batch-too-long")
    assert "1001" in body["detail"]
    assert "1001" in body["detail_zh"]
    assert set(body) == {"type", "status", "code", *PAIRS, *(name + "_zh" for name in PAIRS), "most", "found"}


@pytest.mark.parametrize(
    ("asked", "first"),
    [("", "title_zh"), ("zh-CN,en;q=0.5", "title_zh"), ("en", "title"), ("de, en", "title"), ("*", "title_zh")],
)
def test_the_language_asked_for_only_comes_first(asked: str, first: str) -> None:
    body = orjson.loads(bytes(response(Problem("not-found"), asked).body))
    assert next(name for name in body if name.startswith("title")) == first
    assert {"title", "title_zh"} <= set(body)


def test_errors_name_entry_row_field_and_what_to_do() -> None:
    reasons = (Reason(code="CHARSET@11", field="subject.unified_code", hint="91130800PDY900077X", row=7),)
    entry = Refusal(index=3, id=None, source=None, reasons=reasons)
    (error,) = Problem("entries-refused", entries=[entry]).body()["errors"]
    facts = {"index": 3, "row": 7, "field": "subject.unified_code", "code": "CHARSET@11", "hint": "91130800PDY900077X"}
    assert facts.items() <= error.items()
    assert "11" in error["detail"]
    assert "11" in error["detail_zh"]
    assert error["what_to_do"]
    assert error["what_to_do_zh"]


def test_a_reason_without_words_still_makes_an_answer() -> None:
    (error,) = Problem("feedback-refused", reasons=[Reason(code="not-yet-known")]).body()["errors"]
    assert error == {"code": "not-yet-known"}


def test_every_problem_raised_anywhere_is_in_the_table_and_fills_its_texts() -> None:
    raised = [
        (found[1], set(re.findall(r"(\w+)=", found[2])))
        for room in ("services", "credithub")
        for path in (Path(__file__).parents[3] / room).rglob("*.py")
        for found in re.finditer(r'Problem\(\s*"([a-z0-9-]+)"([^()]*(?:\([^()]*\)[^()]*)*)\)', path.read_text("utf-8"))
    ]
    assert {code for code, _ in raised} <= set(PROBLEMS)
    wanting = [
        (code, name)
        for code, given in raised
        for name in re.findall(r"{(\w+)}", PROBLEMS[code].detail)
        if name not in given
    ]
    assert wanting == []


def test_a_code_outside_the_table_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        Problem("made-up")


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    def json(self) -> Any:
        return orjson.loads(self.text)


@dataclass
class Client:
    """Calls an application as a server would, without one."""

    app: FastAPI

    async def ask(self, address: str, method: str = "GET") -> Answer:
        path, _, query = address.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "query_string": query.encode(), "root_path": "", "scheme": "http",
            "headers": [], "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        with contextlib.suppress(RuntimeError):  # the framework raises a bug again, for the server's log
            await self.app(scope, receive, send)
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(status=sent[0]["status"], headers=headers, text=b"".join(m["body"] for m in sent[1:]).decode())


@pytest.fixture
def client() -> Client:
    app = FastAPI(openapi_url=None)
    install(app)

    @app.get("/problem")
    async def problem() -> None:
        raise Problem("rate-limited", limit=5, headers={"Retry-After": "1"})

    @app.get("/kafka")
    async def kafka() -> None:
        raise Unavailable("Kafka: NodeNotReadyError at 10.1.2.3:9092")

    @app.get("/database")
    async def database() -> None:
        raise Unavailable("PostgreSQL: secret_table")

    @app.get("/bug")
    async def bug() -> None:
        raise RuntimeError("SELECT secret FROM /somewhere/inside")

    @app.get("/forbidden")
    async def forbidden() -> None:
        raise HTTPException(403, "internal words")

    @app.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "internal words")

    @app.get("/typed")
    async def typed(limit: int = Query(ge=1)) -> int:
        return limit

    return Client(app)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/problem", 429, "rate-limited"),
        ("/kafka", 503, "kafka-away"),
        ("/database", 503, "database-away"),
        ("/bug", 500, "internal"),
        ("/forbidden", 403, "role-missing"),
        ("/teapot", 422, "request-invalid"),
        ("/nowhere", 404, "not-found"),
        ("/typed", 422, "request-invalid"),
        ("/typed?limit=110101199003070038x", 422, "request-invalid"),
    ],
)
async def test_every_refusal_is_a_problem_and_tells_nothing_of_the_inside(
    client: Client, path: str, status: int, code: str
) -> None:
    answer = await client.ask(path)
    assert (answer.status, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    for inside in ("secret", "SELECT", "10.1.2.3", "internal words", "Traceback", "110101199003070038"):
        assert inside not in answer.text


async def test_a_method_that_is_not_there_names_those_that_are(client: Client) -> None:
    answer = await client.ask("/problem", "POST")
    assert (answer.status, answer.json()["code"], answer.headers["allow"]) == (405, "method-not-allowed", "GET")


async def test_who_may_try_again_is_told_when(client: Client) -> None:
    assert (await client.ask("/problem")).headers["retry-after"] == "1"
    assert int((await client.ask("/kafka")).headers["retry-after"]) > 0


async def test_a_wrong_parameter_is_named_and_not_repeated(client: Client) -> None:
    faults: list[Any] = (await client.ask("/typed?limit=x")).json()["errors"]
    assert [(fault["field"], fault["code"]) for fault in faults] == [("query.limit", "type-wrong")]
    faults = (await client.ask("/typed")).json()["errors"]
    assert [(fault["field"], fault["code"]) for fault in faults] == [("query.limit", "required-missing")]
