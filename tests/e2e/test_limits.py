"""Understands what the gateway does with too much, with what is no text, with half of something: a clear no, cheaply."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any

import pytest

from tests.e2e import papers
from tests.harness.hub import BATCH, STRUCTURED, Answer, Holder, Hub, JsonObject, codes

MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def bureau(hub: Hub) -> Holder:
    return hub.supplier(f"mwr-{hub.county()}", "licence")


@pytest.fixture
def event(hub: Hub, bureau: Holder) -> JsonObject:
    who = hub.organisation()
    return bureau.event(
        "licence.granted", papers.licence(papers.subject(who), f"演许〔2026〕{who.number}号"), hub.id("e")
    )


def send(bureau: Holder, body: bytes, kind: str = STRUCTURED, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return bureau.call("POST", "/v1/events", body=body, headers={"content-type": kind} | named)


def nested(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


def with_data(event: Mapping[str, Any], data: bytes) -> bytes:
    head = json.dumps({name: value for name, value in event.items() if name != "data"}).encode()
    return head[:-1] + b',"data":' + data + b"}"


BAD_TEXTS: Mapping[str, tuple[bytes, str]] = {
    "not UTF-8": (b'{"id":"\xff\xfe"}', "json-not-utf8"),
    "GB18030": ('{"id":"许可"}'.encode("gb18030"), "json-not-utf8"),
    "UTF-16": ('{"id":"1"}'.encode("utf-16"), "json-not-utf8"),
    "a NUL": (b'{"id":"\\u0000"}', "json-nul"),
    "half a surrogate": (b'{"id":"\\ud800"}', "json-surrogate"),
    "a key twice": (b'{"id":"1","id":"2"}', "json-duplicate-key"),
    "not a number": (b'{"id":NaN}', "json-number"),
    "cut off": (b'{"id":"1', "json-syntax"),
    "nothing": (b"", "json-syntax"),
    "too deep": (nested(40), "json-too-deep"),
    "a bomb of depth": (b"[" * 90_000 + b"]" * 90_000, "json-too-deep"),
}


@pytest.mark.parametrize("name", BAD_TEXTS)
def test_what_is_no_sound_json_is_named_in_a_4xx(bureau: Holder, name: str) -> None:
    body, code = BAD_TEXTS[name]
    told = send(bureau, body).problem(400, "body-unreadable")
    assert [error["code"] for error in told["errors"]] == [code]


@pytest.mark.parametrize("bomb", [b"[" + b"[]," * 3_000_000 + b"[]]", b"[" * 5_000_000], ids=["wide", "deep"])
def test_a_bomb_of_values_costs_a_413(bureau: Holder, bomb: bytes) -> None:
    told = send(bureau, bomb, BATCH).problem(413)
    assert told["errors"][0]["code"] == "json-too-many-values"


def test_eleven_mebibytes_are_too_much_whether_announced_or_not(bureau: Holder, event: JsonObject) -> None:
    body = with_data(event, b'{"x":"' + b"a" * 11 * MEBIBYTE + b'"}')
    send(bureau, body).problem(413, "body-too-large")
    assert chunked(bureau, "/v1/events", [body[n : n + MEBIBYTE] for n in range(0, len(body), MEBIBYTE)]).status == 413


def test_a_batch_of_1_000_is_taken_and_one_of_1_001_is_not(hub: Hub, bureau: Holder, event: JsonObject) -> None:
    events = [event | {"id": f"{event['id']}-{n}"} for n in range(1_001)]
    told = send(bureau, json.dumps(events).encode(), BATCH).problem(413, "batch-too-long")
    assert (told["most"], told["found"]) == (1_000, 1_001)
    assert send(bureau, json.dumps(events[:1_000]).encode(), BATCH).ok(202)["received"] == 1_000
    send(bureau, b"[]", BATCH).problem(422, "batch-empty")


def test_one_entry_that_is_too_large_is_refused_alone(bureau: Holder, event: JsonObject) -> None:
    large = event | {"id": f"{event['id']}-large", "data": event["data"] | {"remarks": ["演" * 15_000] * 10}}
    told = send(bureau, json.dumps([event, large], ensure_ascii=False).encode(), BATCH).ok(207)
    assert [entry["state"] for entry in told["entries"]] == ["received", "refused"]
    assert codes(told["entries"][1]) == {("data", "too-long")}


@pytest.fixture(scope="module")
def bomb() -> bytes:
    return gzip.compress(b" " * 100 * MEBIBYTE, 1)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "mystery"])
def test_compressed_bodies_are_not_opened(bureau: Holder, bomb: bytes, coding: str) -> None:
    refused = send(bureau, bomb, content_encoding=coding)
    refused.problem(415, "content-encoding-unsupported")
    assert refused.headers["accept-encoding"] == "identity"
    table = {"content-type": "text/csv", "content-encoding": coding}
    bureau.call("POST", "/v1/feeds/licence-2018/files", body=bomb, headers=table).problem(
        415, "content-encoding-unsupported"
    )


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "application/cloudevents+avro", "", "\u00ff/\u00ff"]
)
def test_what_is_no_cloudevent_is_a_415(bureau: Holder, event: JsonObject, kind: str) -> None:
    send(bureau, json.dumps(event).encode(), kind).problem(415)


def test_other_charsets_are_a_415(bureau: Holder, event: JsonObject) -> None:
    send(bureau, json.dumps(event).encode(), f"{STRUCTURED}; charset=gb18030").problem(415, "charset-not-utf8")


def test_a_table_that_is_cut_off_leaves_nothing_and_comes_in_whole_the_next_time(hub: Hub, bureau: Holder) -> None:
    table = papers.table(71_000, 400)
    spool = hub.running.data / "spool"
    with bureau.door.raw() as half:
        half.sendall(
            head(bureau, "/v1/feeds/licence-2018/files", f"content-length: {len(table)}") + table[: len(table) // 2]
        )
    told = bureau.send_file("licence-2018", table, "又一次.csv").ok(202)
    assert bureau.decided(told["submission"])["entries"] == 400
    assert [each["entries"] for each in bureau.get("/v1/submissions")["submissions"] if each["form"] == "row"][:1] == [
        400
    ]
    assert not list(spool.glob("credithub-spool-*"))


def test_a_form_without_its_end_is_a_400(bureau: Holder) -> None:
    table = papers.table(72_000, 3)
    body = b'--b\r\ncontent-disposition: form-data; name="file"; filename="x.csv"\r\n\r\n' + table
    for form in (body, b"--b\r\n" + table, b"", b"--b--\r\n", body + b"\r\n--b--\r\n--b"):
        kind = {"content-type": "multipart/form-data; boundary=b"}
        answer = bureau.call("POST", "/v1/feeds/licence-2018/files", body=form, headers=kind)
        assert answer.status in (202, 400), answer.body
        if answer.status == 400:
            answer.problem(400)


TABLES: Mapping[str, bytes] = {
    "nothing": b"",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40,
    "a workbook": b"PK\x03\x04" + b"\0" * 2_000,
    "no known column": "甲,乙,丙\r\n1,2,3\r\n".encode(),
    "neither UTF-8 nor GB18030": papers.table(72_000, 3)[:-40] + b"\xff\xff\xff\xff",
}


@pytest.mark.parametrize("name", TABLES)
def test_what_is_no_table_of_the_feed_is_a_422_that_says_why(bureau: Holder, name: str) -> None:
    told = bureau.send_file("licence-2018", TABLES[name], "表.csv").problem(422, "file-unreadable")
    assert told["errors"]
    assert all(error["code"] and error["detail_zh"] for error in told["errors"])


def test_an_unknown_feed_a_foreign_item_and_a_missing_key_are_told_apart(hub: Hub, bureau: Holder) -> None:
    table = papers.table(72_000, 1)
    bureau.send_file("no-such-feed", table, "x.csv").problem(404, "feed-unknown")
    bureau.send_file("penalty-2018", table, "x.csv").problem(403, "owner-not-allowed")
    hub.door.call("POST", "/v1/feeds/licence-2018/files", body=table).problem(401, "key-missing")
    bureau.call("POST", "/v1/feeds/licence-2018/files", body=table, query={"source": "//x"}).problem(
        403, "source-not-granted"
    )


def head(bureau: Holder, path: str, *lines: str, kind: str = "text/csv") -> bytes:
    told = [f"POST {path} HTTP/1.1", "host: x", f"authorization: Bearer {bureau.key}", f"content-type: {kind}", *lines]
    return "\r\n".join([*told, "", ""]).encode()


def chunked(bureau: Holder, path: str, pieces: list[bytes]) -> Answer:
    headers = {"authorization": f"Bearer {bureau.key}", "content-type": STRUCTURED}
    with closing(bureau.door.connection()) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # it answered before all was sent
            connection.request("POST", path, iter(pieces), headers, encode_chunked=True)
        response = connection.getresponse()
        return Answer(response.status, {}, response.read())
