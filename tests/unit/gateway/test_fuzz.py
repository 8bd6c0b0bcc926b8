"""Understands that nothing a client sends is our fault: no answer of five hundred, every refusal a problem."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness.asgi import Answer
from tests.unit.gateway.desk import BATCH, CODE, STRUCTURED, Desk, desk, penalty
from tests.unit.gateway.test_acts import objection, record
from tests.unit.gateway.test_files import HEADER, Here, table

ROUTES = [
    ("GET", "/v1/submissions"),
    ("GET", "/v1/submissions/{}"),
    ("GET", "/v1/trail"),
    ("GET", "/v1/subjects/{}"),
    ("GET", "/v1/obligations"),
    ("GET", "/v1/obligations/{}"),
    ("POST", "/v1/obligations/{}/feedback"),
    ("GET", "/v1/notifications"),
    ("GET", "/v1/agencies"),
    ("POST", "/v1/agencies"),
    ("DELETE", "/v1/agencies/{}"),
    ("GET", "/v1/keys"),
    ("POST", "/v1/keys"),
    ("POST", "/v1/keys/{}/rotate"),
    ("POST", "/v1/keys/{}/disable"),
    ("GET", "/v1/catalogues"),
    ("POST", "/v1/catalogues"),
    ("GET", "/v1/catalogues/{}"),
    ("GET", "/v1/audit"),
    ("GET", "/v1/feeds"),
    ("POST", "/v1/feeds/{}/files"),
    ("POST", "/v1/events"),
    ("GET", "/v1/subjects/{}/records"),
    ("GET", "/v1/records/{}"),
    ("GET", "/v1/records/{}/history"),
    ("GET", "/v1/objections"),
    ("GET", "/v1/objections/{}"),
    ("GET", "/v1/repairs"),
    ("GET", "/v1/repairs/{}"),
    ("GET", "/v1/cases/{}"),
    ("GET", "/v1/candidates"),
    ("GET", "/v1/holding"),
    ("GET", "/v1/accounting"),
    ("POST", "/v1/objections"),
    ("POST", "/v1/objections/{}/closing"),
    ("POST", "/v1/repairs/{}/decision"),
    ("POST", "/v1/records/{}/withdrawal"),
    ("POST", "/v1/cases/{}/scope-answers"),
    ("POST", "/v1/identities"),
    ("GET", "/problems/{}"),
    ("GET", "/{}"),
]
PARAMETERS = (
    "after", "limit", "state", "source", "id", "agency", "still_holding", "action", "name", "as_of", "receipt", "subject",
    "record", "mine", "by", "from", "to", "format", "part",
)  # fmt: skip
PERSON = "11010519491231002X"
ODD = ["", "0", "-1", "9" * 30, "\0", "..", "%00", PERSON, f"a{PERSON[:17]}0-130822", "é", "\x85"]
ANY_TEXT = st.text(max_size=30) | st.sampled_from(ODD)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(
    [
        "application/json", "application/cloudevents+json", "application/cloudevents-batch+json", "text/csv",
        "multipart/form-data; boundary=X", "multipart/form-data", "application/json; charset=utf-16", "", "é;=",
    ]
)  # fmt: skip
FUZZ = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("fuzz")
    made = desk(folder, secrets_dir=str(folder / "secrets"), spool_dir=str(_spool(folder)), rate_per_second=10**9)
    made.parts.sheets = Here()  # type: ignore[assignment]
    return made


def _spool(folder: Path) -> Path:
    (folder / "spool").mkdir()
    return folder / "spool"


@pytest.fixture(scope="module")
def keys(hub: Desk) -> list[str]:
    """One key that may everything, one of each role, and none."""
    every = hub.key(roles=["supplier", "agency", "operator", "auditor"])
    return [every, *(hub.key(roles=[role]) for role in ("supplier", "agency", "operator", "auditor")), "none"]


def judged(answer: Answer) -> None:
    assert answer.status < 500, answer.text
    if answer.status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        told = answer.json()
        assert told["status"] == answer.status
        assert {"code", "title", "title_zh", "detail", "detail_zh", "what_to_do", "what_to_do_zh"} <= told.keys()
        assert PERSON.encode() not in answer.body
    assert len(answer.headers["x-request-id"]) == 32


@FUZZ
@given(
    route=st.sampled_from(ROUTES),
    method=st.sampled_from(["", "", "", "PUT", "PATCH", "OPTIONS", "HEAD", "X"]),
    step=ANY_TEXT,
    query=st.dictionaries(st.sampled_from(PARAMETERS), ANY_TEXT, max_size=4),
    raw=st.binary(max_size=40),
    kind=KINDS,
    body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()),
    who=st.integers(0, 5),
)
def test_any_request_to_any_route(  # noqa: PLR0917
    hub: Desk,
    keys: list[str],
    route: tuple[str, str],
    method: str,
    step: str,
    query: dict[str, str],
    raw: bytes,
    kind: str,
    body: bytes,
    who: int,
) -> None:
    line = "&".join(f"{name}={quote(value)}" for name, value in query.items()).encode()
    answer = asyncio.run(
        hub.client.with_key(keys[who]).request(
            method or route[0],
            route[1].format(step),
            raw_query=line + raw.replace(b"\n", b"&"),
            headers={"content-type": kind} if kind else {},
            body=body,
        )
    )
    if method != "HEAD":
        judged(answer)


PAPER = {"number": "1", "issuer": "甲局", "decided_on": "2026-01-01"}
BODIES: dict[str, dict[str, Any]] = {
    "/v1/agencies": {"id": "mnr-130822", "name_zh": "甲", "name_en": "A", "channels": ["pull"], "valid_from": "2026-01-01"},
    "/v1/keys": {"roles": ["supplier"], "agency": "mnr-130822", "items": ["licence"], "sources": ["//a"], "label": "x"},
    "/v1/catalogues": {"content": {"manifest": {"version": "x"}, "items": []}, "effective_from": "2026-01-01"},
    "/v1/obligations/obl_1/feedback": {
        "epoch": 1, "version": 1, "answer": "executed", "document": {"number": "1", "date": "2026-01-01", "url": "http://x"},
    },
    "/v1/objections": {"record": "rec_abc", "number": "异1", "ground": "facts", "statement": "x", "document": PAPER},
    "/v1/objections/异1/verifications": {"finding": "wrong", "statement": "x"},
    "/v1/objections/异1/closing": {"outcome": "upheld-corrected", "reason": "x", "correction": {"kind": "y", "data": {}}},
    "/v1/repairs": {"record": "rec_abc", "number": "修1", "commitment": True, "duty_done_on": "2026-01-01"},
    "/v1/repairs/修1/decision": {"outcome": "refused", "reason": "x", "citation": {"document": "a", "clause": "b"}},
    "/v1/records/rec_abc/correction": {"data": {"fine_yuan": "1"}, "reason": "x", "document": PAPER},
    "/v1/records/rec_abc/withdrawal": {"reason": "void-basis", "withdrawn_on": "2026-01-01", "document": PAPER},
    "/v1/cases": {"record": "rec_abc", "scope": ["130900"], "reason": "x", "basis": {"document": "a", "clause": "b"}},
    "/v1/cases/cas_1/scope-answers": {"answer": "declined", "reason": "x"},
    "/v1/identities": {"source": "//s", "id": "1", "subject": CODE, "decision": "confirmed", "reason": "x"},
}  # fmt: skip


def furnish(hub: Desk) -> None:
    """What the sound bodies speak of is there, so that nothing but the body can be wrong."""
    hub.archive.filled |= {
        "obligation": {"obligation": "obl_1", "agency": "samr-130822"},
        "record_of": record(record="rec_abc"),
        "subject": record(),
        "case": {"case_id": "cas_1", "organisation_code": "PDY901010", "record": "rec_abc"},
        "scopes": [{"division": "130822"}],
    }
    one = objection(repair="修1", determining="samr-130822", due_on=None)
    hub.life.filled |= {"objection": [one], "repair": [one | {"state": "applied"}], "waits": {"source": "//s"}}


def _changed(body: Any, place: list[int], value: Any) -> Any:
    """The body with one value, at some depth, replaced, dropped or doubled."""
    if not place or not isinstance(body, (dict, list)) or not body:
        return value
    at = place[0] % len(body)
    if isinstance(body, list):
        return [_changed(part, place[1:], value) if n == at else part for n, part in enumerate(body)]
    name = list(body)[at]
    return {key: _changed(part, place[1:], value) if key == name else part for key, part in body.items()}


@FUZZ
@given(path=st.sampled_from(list(BODIES)), place=st.lists(st.integers(0, 9), min_size=1, max_size=4), value=JSON)
def test_a_sound_body_with_one_value_changed(
    hub: Desk, keys: list[str], path: str, place: list[int], value: Any
) -> None:
    furnish(hub)
    body = json.dumps(_changed(BODIES[path], place, value)).encode()
    headers = {"content-type": "application/json"}
    judged(asyncio.run(hub.client.with_key(keys[0]).request("POST", path, headers=headers, body=body)))


@FUZZ
@given(
    place=st.lists(st.integers(0, 9), min_size=1, max_size=4),
    value=JSON,
    many=st.integers(0, 3),
    prefer=st.sampled_from(["", "wait", "wait=", "wait=0", "wait=x", "wait=99999999999999", 'wait="0"', "a,b;c"]),
)
def test_a_sound_event_with_one_value_changed(
    hub: Desk, keys: list[str], place: list[int], value: Any, many: int, prefer: str
) -> None:
    event = _changed(penalty(), place, value)
    body = json.dumps([event] * many if many else event).encode()
    headers = (BATCH if many else STRUCTURED) | ({"prefer": prefer} if "99" not in prefer else {})
    judged(asyncio.run(hub.client.with_key(keys[0]).request("POST", "/v1/events", headers=headers, body=body)))


@FUZZ
@given(
    cut=st.integers(0, 400),
    put=st.binary(max_size=30) | st.sampled_from([b'"', b"\r", b"\0", b'",\n"', "，".encode(), b"\xff", b"\n\n\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
    as_form=st.booleans(),
)
def test_a_sound_file_with_something_put_in(
    hub: Desk, keys: list[str], cut: int, put: bytes, encoding: str, as_form: bool
) -> None:
    content = table(4, header=HEADER).encode(encoding)
    content = content[:cut] + put + content[cut:]
    kind = "text/csv"
    if as_form:
        kind = "multipart/form-data; boundary=X"
        content = (
            b'--X\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + content + b"\r\n--X--\r\n"
        )
    path = "/v1/feeds/penalty-2018/files"
    judged(
        asyncio.run(hub.client.with_key(keys[1]).request("POST", path, headers={"content-type": kind}, body=content))
    )


@FUZZ
@given(cut=st.integers(0, 120), put=st.binary(max_size=20), stay=st.integers(0, 40))
def test_a_form_with_something_put_in(hub: Desk, keys: list[str], cut: int, put: bytes, stay: int) -> None:
    form = b'--X\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc\r\n--X--\r\n'
    form = form[:cut] + put + form[cut + stay :]
    headers = {"content-type": "multipart/form-data; boundary=X"}
    path = "/v1/feeds/penalty-2018/files"
    judged(asyncio.run(hub.client.with_key(keys[1]).request("POST", path, headers=headers, body=form)))
