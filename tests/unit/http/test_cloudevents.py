"""Understands which envelopes come in, in which of the three modes, and what a refused one is told."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credithub.domain.reasons import REASONS
from credithub.http.cloudevents import Entry, Envelope, Refusal, parse
from credithub.http.problem import Problem

pytestmark = pytest.mark.unit

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
PERSON = "110101199003070038"  # made up; its check digit holds


def an_event(**changes: object) -> dict[str, Any]:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "2026-0001",
        "source": "//mnr-130822/approvals",
        "type": "credithub.licence.granted.v1",
        "data": {"subject": {"name": "演示甲公司"}},
    } | changes
    return {name: value for name, value in event.items() if value is not ...}


def post(body: object, content_type: str = STRUCTURED, **headers: str) -> list[Entry]:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    sent = {"content-type": content_type} | {name.replace("_", "-"): value for name, value in headers.items()}
    return parse([(name.encode(), value.encode()) for name, value in sent.items()], raw)


def refused(event: object) -> dict[str | None, str]:
    (entry,) = post(event)
    assert isinstance(entry, Refusal)
    assert all(reason.code in REASONS for reason in entry.reasons)
    return {reason.field: reason.code for reason in entry.reasons}


def problem_of(body: object, content_type: str = STRUCTURED, **headers: str) -> tuple[int, str]:
    with pytest.raises(Problem) as problem:
        post(body, content_type, **headers)
    return problem.value.status, problem.value.text.code


def accepted(entry: Entry) -> Envelope:
    assert isinstance(entry, Envelope), entry
    return entry


def test_a_structured_event_comes_in() -> None:
    (entry,) = post(an_event(subject="91130800PDY900077X", time="2026-11-22T08:00:00.5+08:00"))
    envelope = accepted(entry)
    assert (envelope.id, envelope.source, envelope.kind) == ("2026-0001", "//mnr-130822/approvals", "licence.granted")
    assert envelope.body() == {
        "type": "credithub.licence.granted.v1", "source": "//mnr-130822/approvals", "id": "2026-0001",
        "subject": "91130800PDY900077X", "time": "2026-11-22T08:00:00.5+08:00",
        "data": {"subject": {"name": "演示甲公司"}},
    }  # fmt: skip


def test_a_binary_event_comes_in_and_its_headers_are_percent_decoded_once() -> None:
    (entry,) = post(
        {"subject": {}},
        "application/json; charset=UTF-8",
        ce_specversion="1.0",
        ce_type="credithub.licence.granted.v1",
        ce_source="//mnr-130822/a%2525b",
        ce_id="%E7%BC%96%E5%8F%B7%201",
        ce_subject='"quoted \\"one\\""',
    )
    envelope = accepted(entry)
    assert (envelope.id, envelope.source, envelope.subject) == ("编号 1", "//mnr-130822/a%25b", 'quoted "one"')
    assert envelope.data == {"subject": {}}


def test_the_mode_and_the_time_play_no_part_in_the_digest() -> None:
    event = an_event(subject="91130800PDY900077X", time="2026-11-22T08:00:00Z")
    (structured,), (batched,) = post(event), post([event | {"time": "2027-01-01T00:00:00Z", "id": "other"}], BATCH)
    headers = {f"ce_{name}": event[name] for name in ("specversion", "id", "source", "type", "subject")}
    (binary,) = post(event["data"], "application/json", **headers)
    assert len({accepted(entry).digest() for entry in (structured, batched, binary)}) == 1


def test_a_batch_is_judged_entry_by_entry() -> None:
    batch = [an_event(), an_event(id=...), "text", None, an_event(id="5"), [an_event()]]
    entries = post(batch, BATCH)
    assert [type(entry) for entry in entries] == [Envelope, Refusal, Refusal, Refusal, Envelope, Refusal]
    assert [entry.index for entry in entries] == list(range(6))


def test_an_entry_that_no_reader_agrees_on_leaves_the_others() -> None:
    raw = b"[%b,%b]" % (
        json.dumps(an_event()).encode(),
        json.dumps(an_event()).encode().replace(b'"subject": {', b'"subject": {"name":"x",', 1),
    )
    first, second = post(raw, BATCH)
    accepted(first)
    assert isinstance(second, Refusal)
    assert [(reason.code, reason.field) for reason in second.reasons] == [("json-duplicate-key", "data.subject")]


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "data"])
def test_what_is_required_is_asked_for(name: str) -> None:
    assert refused(an_event(**{name: ...})) == {name: "required-missing"}
    assert refused(an_event(**{name: None})) == {name: "required-missing"}


def test_all_faults_are_told_at_once() -> None:
    event = {"specversion": "0.3", "id": "", "source": "a b", "type": "com.example", "time": "today", "data": []}
    assert refused(event) == {
        "specversion": "enumeration-unknown", "id": "required-missing", "source": "form-wrong",
        "type": "kind-unknown", "time": "date-unreadable", "data": "type-wrong",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("id", 7, "type-wrong"),
        ("id", "x" * 257, "too-long"),
        ("id", "编" * 86, "too-long"),  # 258 bytes: the limit is one of bytes, as the index's is
        ("id", "a\nb", "characters-not-allowed"),
        ("id", "a\x7fb", "characters-not-allowed"),
        ("id", "a\ufdd0b", "characters-not-allowed"),
        ("source", "演示", "form-wrong"),
        ("source", ["//x"], "type-wrong"),
        ("source", "/" * 513, "too-long"),
        ("type", "credithub.licence.granted.v2", "kind-unknown"),
        ("type", {"a": 1}, "kind-unknown"),
        ("subject", "", "required-missing"),
        ("subject", 1, "type-wrong"),
        ("specversion", 1.0, "enumeration-unknown"),
        ("datacontenttype", "text/xml", "data-not-json"),
        ("datacontenttype", "application/json; charset=gbk", "data-not-json"),
        ("dataschema", "not a uri", "form-wrong"),
        ("data_base64", "e30=", "data-base64-refused"),
        ("time", "2026-11-22", "date-unreadable"),
        ("time", "2026-11-22T08:00:00", "date-unreadable"),
        ("time", "2026-02-30T08:00:00Z", "date-unreadable"),
        ("time", "2026-11-22T24:00:00Z", "date-unreadable"),
        ("time", "2026-11-22T08:00:61Z", "date-unreadable"),
        ("time", "2026-11-22T08:00:00+24:00", "date-unreadable"),
        ("time", "２０２６-11-22T08:00:00Z", "date-unreadable"),
        ("time", 1763769600, "type-wrong"),
        ("traceparent", {"a": 1}, "type-wrong"),
        ("traceParent", "x", "field-unknown"),
    ],
)
def test_an_attribute_of_the_wrong_form_is_refused(name: str, value: object, code: str) -> None:
    shown = name if name != "traceParent" else "?"
    assert refused(an_event(**{name: value})) == {shown: code}


@pytest.mark.parametrize(
    "changes",
    [
        {"time": "2026-11-22t08:00:00z"},
        {"time": "2016-12-31T23:59:60Z"},
        {"time": "2026-11-22T08:00:00.123456789-08:30"},
        {"datacontenttype": "application/json; charset=utf-8"},
        {"datacontenttype": "application/vnd.example+json"},
        {"dataschema": "https://example.invalid/v1.json"},
        {"traceparent": "00-0af7-b7ad-01", "sequence": 7, "demo": True},
        {"subject": None, "time": None},
        {"subject": "91130800PDY900077X"},
        {"id": "编" * 85},
    ],
)
def test_what_the_standard_allows_comes_in(changes: dict[str, object]) -> None:
    accepted(post(an_event(**changes))[0])


@pytest.mark.parametrize("name", ["id", "subject"])
@pytest.mark.parametrize("number", [PERSON, "110101 19900307 0038", "１１０１０１１９９００３０７００３８"])
def test_a_persons_number_in_an_attribute_is_refused_and_not_repeated(name: str, number: str) -> None:
    (entry,) = post(an_event(**{name: f"x-{number}"}))
    assert isinstance(entry, Refusal)
    assert entry.reasons[0].code == "person-number-in-field"
    assert number not in repr(entry)


def test_a_persons_number_in_a_source_or_in_the_name_of_an_attribute_is_not_repeated() -> None:
    for changes in ({"source": f"//x/{PERSON}"}, {PERSON: "x", "specversion": "2"}, {f"{PERSON} ": "x"}):
        (entry,) = post(an_event(**changes))
        assert isinstance(entry, Refusal)
        assert PERSON not in repr(entry)


def test_a_refusal_shows_the_identity_where_that_is_sound() -> None:
    (entry,) = post(an_event(type="x"))
    assert isinstance(entry, Refusal)
    assert (entry.id, entry.source) == ("2026-0001", "//mnr-130822/approvals")
    (entry,) = post(an_event(id=5))
    assert isinstance(entry, Refusal)
    assert (entry.id, entry.source) == (None, "//mnr-130822/approvals")


@pytest.mark.parametrize(
    ("body", "content_type", "headers", "expected"),
    [
        (an_event(), "application/json", {}, (415, "not-a-cloudevent")),
        (an_event(), "", {}, (415, "not-a-cloudevent")),
        (an_event(), "application/cloudevents+avro", {}, (415, "not-a-cloudevent")),
        (an_event(), "application/cloudevents+json; charset=gb18030", {}, (415, "charset-not-utf8")),
        (b"{}{}", STRUCTURED, {}, (400, "body-unreadable")),
        (b'{"a":1,"a":2}', STRUCTURED, {}, (400, "body-unreadable")),
        (b"", STRUCTURED, {}, (400, "body-unreadable")),
        (an_event(), BATCH, {}, (400, "body-unreadable")),
        ([], BATCH, {}, (422, "batch-empty")),
        ([{}] * 1001, BATCH, {}, (413, "batch-too-long")),
        (b"[" + b"[]," * 150_000 + b"1]", BATCH, {}, (413, "body-too-large")),
        (b"\xef\xbb\xbf{}", "application/json", {"ce_id": "1"}, (400, "body-unreadable")),
    ],
)
def test_a_request_that_cannot_be_read_at_all_is_a_problem(
    body: object, content_type: str, headers: dict[str, str], expected: tuple[int, str]
) -> None:
    assert problem_of(body, content_type, **headers) == expected


BINARY = {"ce_specversion": "1.0", "ce_type": "credithub.licence.granted.v1", "ce_source": "//x", "ce_id": "1"}


@pytest.mark.parametrize(
    ("changes", "content_type", "reason"),
    [
        ({"ce_id": "%FF"}, "application/json", ("characters-not-allowed", "id")),
        ({"ce_id": "%ED%A0%80"}, "application/json", ("characters-not-allowed", "id")),
        ({"ce_datacontenttype": "application/json"}, "application/json", ("field-doubled", "datacontenttype")),
        ({"ce_data": "x"}, "application/json", ("field-doubled", "data")),
        ({"ce_time": "today"}, "application/json", ("date-unreadable", "time")),
        ({}, "text/plain", ("data-not-json", "datacontenttype")),
    ],
)
def test_faults_of_binary_mode(changes: dict[str, str], content_type: str, reason: tuple[str, str]) -> None:
    (entry,) = post({"a": 1}, content_type, **(BINARY | changes))
    assert isinstance(entry, Refusal)
    assert [(found.code, found.field) for found in entry.reasons] == [reason]


def test_a_binary_event_without_body_lacks_its_data() -> None:
    (entry,) = post(b"", "application/json", **BINARY)
    assert isinstance(entry, Refusal)
    assert [(found.code, found.field) for found in entry.reasons] == [("required-missing", "data")]


def test_an_attribute_given_twice_is_refused() -> None:
    headers = [(b"content-type", b"application/json"), (b"ce-id", b"1"), (b"ce-id", b"2")]
    (entry,) = parse(headers, b"{}")
    assert isinstance(entry, Refusal)
    assert [(found.code, found.field) for found in entry.reasons] == [("field-doubled", "id")]


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
attributes = st.sampled_from(["specversion", "id", "source", "type", "subject", "time", "data", "datacontenttype", "x"])


@given(
    st.lists(
        st.dictionaries(attributes, st.sampled_from([*an_event().values(), "x"]) | anything, max_size=9), max_size=4
    )
)
def test_no_batch_however_odd_ends_otherwise_than_in_entries(batch: list[dict[str, Any]]) -> None:
    try:
        entries = post(orjson.dumps(batch), BATCH)  # what is no number becomes null
    except Problem as problem:
        assert not batch or problem.status == 400  # noqa: PT017  a Problem is an answer, not a failure
        return
    assert [entry.index for entry in entries] == list(range(len(batch)))


@given(
    st.lists(
        st.tuples(st.sampled_from([b"content-type", b"ce-id", b"ce-source", b"ce-\xff", b"x"]), st.binary(max_size=12))
    ),
    st.sampled_from([STRUCTURED, BATCH, "application/json", "text/plain"]),
    st.binary(max_size=40),
)
def test_no_bytes_end_otherwise_than_in_entries_or_a_problem(
    headers: list[tuple[bytes, bytes]], content_type: str, body: bytes
) -> None:
    try:
        assert parse([*headers, (b"content-type", content_type.encode())], body)
    except Problem as problem:
        assert problem.status in {400, 413, 415, 422}  # noqa: PT017
