"""Understands that the documents a gateway serves are accepted by their official judges and hold what they show."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Any

import jsonschema_rs
import orjson
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from credithub.domain.events import KINDS
from credithub.http.cloudevents import Envelope, parse
from credithub.http.problem import PROBLEMS
from tests.harness.asgi import Client
from tests.unit.gateway.desk import desk

OFFICIAL = Path(__file__).parent / "official" / "asyncapi-3.0.0.json.gz"
ADDRESSES = {
    "/v1/events": {"post"},
    "/v1/feeds/{feed}/files": {"post"},
    "/v1/submissions": {"get"},
    "/v1/submissions/{submission}": {"get"},
    "/v1/trail": {"get"},
    "/v1/subjects/{code}": {"get"},
    "/v1/obligations": {"get"},
    "/v1/obligations/{obligation}/feedback": {"post"},
    "/v1/subjects/{code}/records": {"get"},
    "/v1/records/{record}": {"get"},
    "/v1/records/{record}/history": {"get"},
    **{
        f"/v1/records/{{record}}/{step}": {"post"}
        for step in ("correction", "withdrawal", "annotation", "shielding", "unshielding", "deletion")
    },
    "/v1/objections": {"get", "post"},
    "/v1/objections/{number}": {"get"},
    "/v1/objections/{number}/verifications": {"post"},
    "/v1/objections/{number}/closing": {"post"},
    "/v1/repairs": {"get", "post"},
    "/v1/repairs/{number}": {"get"},
    "/v1/repairs/{number}/decision": {"post"},
    "/v1/cases": {"post"},
    "/v1/cases/{case}": {"get"},
    "/v1/cases/{case}/scope-answers": {"post"},
    "/v1/candidates": {"get"},
    "/v1/identities": {"post"},
    "/v1/holding": {"get"},
    "/v1/accounting": {"get"},
    "/v1/notifications": {"get"},
    "/healthz": {"get"},
    "/readyz": {"get"},
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return desk(tmp_path_factory.mktemp("gateway")).client


@pytest.fixture(scope="module")
def openapi(gateway: Client) -> dict[str, Any]:
    return asyncio.run(gateway.get("/openapi.json")).json()


def test_the_official_validator_accepts_the_openapi_document(openapi: dict[str, Any]) -> None:
    assert openapi["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(openapi).validate()


async def test_the_official_schema_accepts_the_asyncapi_document_that_is_served(gateway: Client) -> None:
    answer = await gateway.get("/asyncapi.json")
    assert answer.status == 200
    official = jsonschema_rs.Draft7Validator(orjson.loads(gzip.decompress(OFFICIAL.read_bytes())))
    assert [error.message[:200] for error in official.iter_errors(answer.json())] == []


def test_every_address_of_the_contract_is_described(openapi: dict[str, Any]) -> None:
    described = {path: set(methods) for path, methods in openapi["paths"].items()}
    missing = {path: methods - described.get(path, set()) for path, methods in ADDRESSES.items()}
    assert {path: methods for path, methods in missing.items() if methods} == {}


def test_every_operation_is_named_in_both_languages_and_may_be_refused(openapi: dict[str, Any]) -> None:
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            name = f"{method} {path}"
            assert any("\u4e00" <= char <= "\u9fff" for char in operation["summary"]), name
            assert any("a" <= char <= "z" for char in operation["summary"]), name
            refused = operation["responses"]["default"]["content"]
            assert set(refused) == {"application/problem+json"}, name


def test_every_kind_of_event_has_its_schema_in_it(openapi: dict[str, Any]) -> None:
    assert set(KINDS) <= set(openapi["components"]["schemas"])


def test_the_events_it_shows_are_valid_and_come_in(openapi: dict[str, Any]) -> None:
    seen = 0
    shown = openapi["paths"]["/v1/events"]["post"]["requestBody"]["content"]
    for media_type, content in shown.items():
        schema = jsonschema_rs.Draft202012Validator(content["schema"] | {"components": openapi["components"]})
        assert [error.message for error in schema.iter_errors(content["example"])] == []
        seen += 1
        if media_type != "application/json":
            headers = [(b"content-type", media_type.encode())]
            assert all(isinstance(each, Envelope) for each in parse(headers, orjson.dumps(content["example"])))
    assert seen == 3


def test_what_the_acts_show_is_valid_by_their_own_schema(openapi: dict[str, Any]) -> None:
    seen = 0
    for path, methods in openapi["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        if "schema" in content and path != "/v1/events":
            schema = jsonschema_rs.Draft202012Validator(content["schema"] | {"components": openapi["components"]})
            assert [error.message for error in schema.iter_errors(content["example"])] == [], path
            seen += 1
    assert seen >= 15


def test_a_person_has_no_place_in_what_it_asks_for(openapi: dict[str, Any]) -> None:
    event = {"$ref": "#/components/schemas/EventData", "components": openapi["components"]}
    example = openapi["paths"]["/v1/events"]["post"]["requestBody"]["content"]["application/json"]["example"]
    schema = jsonschema_rs.Draft202012Validator(event)
    assert schema.is_valid(example)
    assert not schema.is_valid(example | {"subject": example["subject"] | {"id_number": "x"}})


async def test_the_meaning_of_every_problem_can_be_looked_up(gateway: Client) -> None:
    for code in PROBLEMS:
        answer = await gateway.get(f"/problems/{code}")
        assert (answer.status, answer.json()["code"]) == (200, code)
