"""Understands that nobody's bytes are a bug of ours: whatever comes in, no answer is a 5xx, and no stage parks a record."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e import papers
from tests.e2e.everything import tables
from tests.harness.eventually import eventually_so
from tests.harness.hub import BATCH, STRUCTURED, Answer, Holder, Hub, JsonObject

EXAMPLES = settings(
    max_examples=70, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
KINDS = (STRUCTURED, BATCH, "application/json", "application/json; charset=utf-8", "text/plain", "", "a/b; charset=gbk")
ATTRIBUTES = ("id", "source", "type", "specversion", "time", "subject", "x", "data", "datacontenttype")
CODES = ("91130822PDY900077X", "x", "911308220000000000")
PAPERS = {
    "licence.granted": papers.licence,
    "penalty.imposed": papers.penalty,
    "judgment-debtor.listed": papers.listing,
    "judgment-debtor.removed": papers.removal,
}

texts = st.text(max_size=40) | st.sampled_from(
    ["2026-13-45", "９１１３", "\u202e", "x" * 5000, "null", "//", "%00", "-1"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(-(2**80), 2**80) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
header_texts = st.text(st.characters(min_codepoint=32, max_codepoint=255, blacklist_characters="\x7f"), max_size=60)
heads = st.dictionaries(
    st.sampled_from(["prefer", "accept-language", *(f"ce-{name}" for name in ATTRIBUTES)]),
    header_texts,
    max_size=6,
)
bodies = st.binary(max_size=300) | values.map(lambda value: json.dumps(value).encode())
answers = st.fixed_dictionaries(
    {"epoch": values, "version": values, "answer": values | st.just("executed")},
    optional={"document": values, "reason": values},
)


@pytest.fixture(scope="module")
def keys(hub: Hub) -> Mapping[str, Holder]:
    county = hub.county()
    return {
        "supplier": hub.supplier(f"mnr-{county}", "licence", "penalty"),
        "court": hub.supplier(f"spc-{county}", "judgment-debtor"),
        "agency": hub.agency(f"moj-{county}", "pull"),
        "operator": hub.operator,
    }


@pytest.fixture(scope="module")
def obligation(hub: Hub, keys: Mapping[str, Holder]) -> str:
    """One that the agency owes."""
    county = keys["agency"].agency[-6:]
    register, who = hub.supplier(f"aab-{county}", "registration"), hub.organisation()
    event = register.event("subject.registered", papers.registration(who, county), hub.id("r"))
    assert register.states(event) == ["archived"]
    listing = papers.listing(papers.subject(who), papers.case_number(who.number))
    assert keys["court"].states(keys["court"].event("judgment-debtor.listed", listing, hub.id("l"))) == ["archived"]
    return eventually_so(lambda: keys["agency"].get("/v1/obligations")["obligations"][0]["obligation"])


@pytest.fixture(scope="module", autouse=True)
def nothing_parked(hub: Hub) -> Any:
    """Whatever came through the gateway was an outcome further on, never an exception."""
    yield
    running = hub.running.running()
    for name, service in hub.running.fleet.services.items():
        eventually_so(service.ready, within=30, why=f"{name} is ready")
    assert running.keys() == hub.running.running().keys()
    assert {name: rows for name, rows in tables(hub.running.infra).items() if name.endswith(".parked") and rows} == {}


def harmless(answer: Answer) -> Answer:
    assert answer.status < 500, f"{answer.status} {answer.body!r}"
    if answer.status >= 400:
        told = answer.problem(answer.status)
        assert told["type"] == f"/problems/{told['code']}"
    return answer


@st.composite
def events(draw: st.DrawFn) -> tuple[str, JsonObject]:
    """Who posts, and what: sound but for a few places, in which something else stands."""
    kind = draw(st.sampled_from(sorted(PAPERS)))
    number = draw(st.integers(1, 90_000))
    about = {"name": f"演示{number}号", "unified_code": draw(st.sampled_from(CODES))}
    event: JsonObject = {"specversion": "1.0", "type": f"credithub.{kind}.v1", "id": f"fuzz-{number}"}
    event["data"] = PAPERS[kind](about, f"演〔2026〕{number}号")
    for _ in range(draw(st.integers(0, 3))):
        _spoil(event, draw(st.randoms(use_true_random=False)), draw(values), draw(texts))
    return ("court" if kind.startswith("judgment") else "supplier"), event


def _spoil(node: Any, chance: random.Random, value: Any, name: str) -> None:
    """Puts the value somewhere within."""
    while True:
        places = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not places:
            return
        place = chance.choice(places)
        if chance.random() < 0.2 and isinstance(node, dict):
            node[name] = value
            return
        if not isinstance(node[place], (dict, list)) or chance.random() < 0.3:
            node[place] = value
            return
        node = node[place]


@EXAMPLES
@given(posted=st.lists(events(), min_size=1, max_size=4), single=st.booleans())
def test_almost_sound_events_are_outcomes(
    keys: Mapping[str, Holder], posted: list[tuple[str, JsonObject]], single: bool
) -> None:
    for role in ("court", "supplier"):
        mine = [{"source": keys[role].source} | event for who, event in posted if who == role]
        for batch in [[event] for event in mine] if single else [mine]:
            body = json.dumps(batch[0] if single else batch).encode("utf-8", "surrogatepass")
            kind = STRUCTURED if single else BATCH
            harmless(keys[role].call("POST", "/v1/events", body=body, headers={"content-type": kind}))


@EXAMPLES
@given(body=bodies, kind=st.sampled_from(KINDS), head=heads)
def test_any_body_under_any_headers_is_an_answer(
    keys: Mapping[str, Holder], body: bytes, kind: str, head: dict[str, str]
) -> None:
    sound = {"ce-specversion": "1.0", "ce-id": "1", "ce-type": "credithub.licence.granted.v1"}
    for named in (head, sound | {"ce-source": keys["supplier"].source} | head):
        harmless(keys["supplier"].call("POST", "/v1/events", body=body, headers=named | {"content-type": kind}))


@EXAMPLES
@given(content=values | answers)
def test_any_feedback_is_an_answer(keys: Mapping[str, Holder], obligation: str, content: Any) -> None:
    body, json_ = json.dumps(content).encode("utf-8", "surrogatepass"), {"content-type": "application/json"}
    harmless(keys["agency"].call("POST", f"/v1/obligations/{obligation}/feedback", body=body, headers=json_))


@EXAMPLES
@given(
    cuts=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=12)), max_size=4),
    name=texts,
    kind=st.sampled_from(("text/csv", "", "multipart/form-data; boundary=b")),
)
def test_any_table_is_an_answer(
    keys: Mapping[str, Holder], cuts: list[tuple[float, bytes]], name: str, kind: str
) -> None:
    table = papers.table(74_000, 5)
    for place, put in cuts:
        at = int(place * len(table))
        table = table[:at] + put + table[at + len(put) :]
    form = b'--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n' + table + b"\r\n--b--\r\n"
    body = form if kind.startswith("multipart") else table
    query, headers = {"name": sendable(name)}, {"content-type": kind}
    harmless(keys["supplier"].call("POST", "/v1/feeds/licence-2018/files", body=body, headers=headers, query=query))


def reading(document: JsonObject) -> list[tuple[str, list[JsonObject]]]:
    """Every address that is read, with its parameters."""
    return [(path, one["get"].get("parameters", [])) for path, one in document["paths"].items() if "get" in one]


@EXAMPLES
@given(
    role=st.sampled_from(["supplier", "agency", "operator"]),
    words=st.lists(texts | st.integers().map(str), min_size=6, max_size=6),
)
def test_any_parameter_of_any_read_is_an_answer(
    hub: Hub, keys: Mapping[str, Holder], role: str, words: Sequence[str]
) -> None:
    for path, parameters in reading(hub.door.call("GET", "/openapi.json").ok()):
        if path in ("/readyz", "/metrics"):
            continue
        asked = [one for one in parameters if one["in"] in ("path", "query")]
        named = {
            one["name"]: (one["in"], sendable(word)) for one, word in zip(asked, itertools.cycle(words), strict=False)
        }
        query = {name: word for name, (place, word) in named.items() if place == "query"}
        for name, (_, word) in named.items():
            path = path.replace("{" + name + "}", quote(word, safe="") or "x")  # noqa: PLW2901
        answer = keys[role].call("GET", path, query=query)
        assert answer.status < 500, f"{path} {query} {answer.body!r}"


def sendable(text: str) -> str:
    """As much of it as UTF-8 can write."""
    return text.encode("utf-8", "replace").decode()


RAW = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x00\x01\x02\r\n\r\n",
    b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: -5\r\n\r\n",
    b"POST /v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/events HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /v1/submissions?after=%ff%fe HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /v1/submissions?after=\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /%00 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"GET /%ff%fe HTTP/1.1\r\nhost: x\r\n\r\n",
    b"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \xff\xfe\r\ncontent-length: 0\r\n\r\n",
    b"BREW /v1/events HTTP/1.1\r\nhost: x\r\n\r\n",
)


@pytest.mark.parametrize("request_", RAW, ids=range(len(RAW)))
def test_what_is_hardly_http_is_refused_or_cut_off(hub: Hub, request_: bytes) -> None:
    with hub.door.raw() as wire:
        wire.sendall(request_.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1))
        first = wire.makefile("rb").readline()
    assert not first or 400 <= int(first.split()[1]) < 500, first


def test_the_hub_is_as_well_after_all_that_as_before(hub: Hub, keys: Mapping[str, Holder]) -> None:
    who = hub.organisation()
    data = papers.licence(papers.subject(who), "演许〔2026〕如常号")
    assert keys["supplier"].states(keys["supplier"].event("licence.granted", data, hub.id("as-before"))) == ["archived"]
    log = hub.running.data / "logs" / "gateway.log"
    assert (
        subprocess.run(["grep", "-c", "Traceback", str(log)], capture_output=True, check=False).stdout.strip() == b"0"
    )
