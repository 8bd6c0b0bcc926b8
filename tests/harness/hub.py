"""Understands a whole running hub as tests use it: real processes, spoken to from outside, with a cast for each test."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import shutil
import socket
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from credithub.demo.organisations import Organisation, organisation
from credithub.embedded.options import PORTS, Options
from credithub.embedded.stack import Stack
from tests.harness.eventually import eventually_so
from tests.harness.ground import ROOT

JsonObject: TypeAlias = dict[str, Any]
STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
FIRST_ORGANISATION = 30_000  # smaller numbers are for tables
_PROVINCES = ("14", "15", "21", "22", "23", "32", "33", "34", "35", "36", "37", "41", "42", "43", "44", "45")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def ok(self, *statuses: int) -> Any:
        """The content of an answer that had to be good."""
        assert self.status in (statuses or (200, 201, 202)), f"{self.status} {self.body.decode(errors='replace')}"
        return self.json

    def problem(self, status: int, code: str = "") -> JsonObject:
        """The content of a refusal as every refusal has to be: problem+json, with a code, in both languages."""
        told: JsonObject = self.ok(status)
        assert self.headers["content-type"] == "application/problem+json", self.headers
        assert told["code"] == code or not code, told
        assert all(told[name] and told[name + "_zh"] for name in ("title", "detail", "what_to_do")), told
        return told


@dataclass(frozen=True, slots=True)
class Door:
    """The hub's address. Every call has a connection of its own, so that none is spoilt by the one before."""

    url: str

    def connection(self, timeout: float = 90) -> http.client.HTTPConnection:
        place = urlsplit(self.url)
        return http.client.HTTPConnection(str(place.hostname), place.port, timeout=timeout)

    def raw(self) -> socket.socket:
        place = urlsplit(self.url)
        return socket.create_connection((place.hostname, place.port), timeout=60)

    def call(
        self,
        method: str,
        path: str,
        *,
        key: str = "",
        body: bytes | None = None,
        content: object = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, object] | None = None,
    ) -> Answer:
        """`content` goes as JSON, `body` as it is."""
        sent = {"authorization": f"Bearer {key}"} if key else {}
        if content is not None:
            body, sent["content-type"] = json.dumps(content).encode(), "application/json"
        address = path + (f"?{urlencode(query, doseq=True)}" if query else "")
        with closing(self.connection()) as connection:
            with suppress(BrokenPipeError, ConnectionResetError):  # it answered before all was sent
                connection.request(method, address, body, sent | dict(headers or {}))
            return answer_of(connection.getresponse())


def answer_of(response: http.client.HTTPResponse) -> Answer:
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


@dataclass(frozen=True, slots=True)
class Holder:
    """One key, and who holds it."""

    door: Door
    key: str
    agency: str = ""
    source: str = ""
    kafka: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def call(self, method: str, path: str, **more: Any) -> Answer:
        return self.door.call(method, path, key=self.key, **more)

    def get(self, path: str, **query: object) -> Any:
        return self.call("GET", path, query=query).ok()

    def event(self, kind: str, data: Mapping[str, Any], id_: str, **more: Any) -> JsonObject:
        """A CloudEvent of this holder's."""
        told = {"specversion": "1.0", "type": f"credithub.{kind}.v1", "source": self.source, "id": id_}
        return told | {"datacontenttype": "application/json", "data": dict(data)} | more

    def post(self, *events: JsonObject, wait: int = 10) -> Answer:
        """One structured, several as a batch; the answer comes when their outcome is known."""
        single = len(events) == 1
        headers = {"content-type": STRUCTURED if single else BATCH, "prefer": f"wait={wait}"}
        body = json.dumps(events[0] if single else list(events)).encode()
        return self.call("POST", "/v1/events", body=body, headers=headers)

    def states(self, *events: JsonObject) -> list[str]:
        """Posts, and says how each entry ended."""
        return [entry["state"] for entry in self.post(*events).ok(202, 207)["entries"]]

    def send_file(self, feed: str, content: bytes, name: str) -> Answer:
        headers = {"content-type": "text/csv"}
        return self.call("POST", f"/v1/feeds/{feed}/files", body=content, headers=headers, query={"name": name})

    def decided(self, submission: str, *, within: float = 60) -> JsonObject:
        """The submission, once nothing of it is pending."""
        path = f"/v1/submissions/{submission}"
        why = f"all of {submission} is decided"
        return eventually_so(lambda: self.get(path, limit=1), lambda s: s["state"] == "decided", within=within, why=why)

    def trail(self, source: str, id_: str) -> JsonObject:
        return self.get("/v1/trail", source=source, id=id_)

    def pull(self, after: str = "") -> tuple[list[JsonObject], str]:
        """All that an agency has not yet seen, and the cursor behind it. Nothing is confirmed by that."""
        found: list[JsonObject] = []
        while True:
            page = self.get("/v1/notifications", limit=1000, **({"after": after} if after else {}))
            found += page["notifications"]
            after = page["next"]
            if not page["more"]:
                return found, after

    def answer(self, obligation: str, content: Mapping[str, Any]) -> Answer:
        return self.call("POST", f"/v1/obligations/{quote(obligation, safe='')}/feedback", content=dict(content))


@dataclass(slots=True)
class Hub:
    """A running hub, and who takes part in it so far."""

    door: Door
    operator: Holder
    stack: Stack | None = None
    _agencies: dict[str, Holder] = field(default_factory=dict[str, Holder])
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def running(self) -> Stack:
        assert self.stack is not None, "this hub was put together by hand"
        return self.stack

    def county(self) -> str:
        """A division in which nothing has happened yet; whoever acts there acts for nobody else."""
        n = next(self._numbers)
        return f"{_PROVINCES[n % len(_PROVINCES)]}{n % 89 + 10}{n % 79 + 20}"

    def organisation(self) -> Organisation:
        """One of whom nobody has heard."""
        return organisation(FIRST_ORGANISATION + next(self._numbers) * 10, legacy=True)

    def id(self, what: str) -> str:
        return f"{what}-{next(self._numbers):06d}"

    def agency(self, id_: str, *channels: str) -> Holder:
        """The agency, brought in when it is named for the first time."""
        if id_ not in self._agencies:
            body = {"id": id_, "name_zh": f"{id_}（演示）", "name_en": id_, "channels": list(channels), "demo": True}
            told = self.operator.call("POST", "/v1/agencies", content=body).ok()
            self._agencies[id_] = Holder(self.door, told["key"]["secret"], id_, kafka=told.get("kafka", {}))
        return self._agencies[id_]

    def supplier(self, agency: str, *items: str, source: str = "") -> Holder:
        """A key that may report these items under a source of its own."""
        self.agency(agency)
        source = source or f"//{agency}/{self.id('source')}"
        body = {"roles": ["supplier"], "agency": agency, "items": list(items), "sources": [source]}
        return Holder(self.door, self._key(body)["secret"], agency, source)

    def auditor(self) -> Holder:
        return Holder(self.door, self._key({"roles": ["auditor"]})["secret"])

    def _key(self, body: Mapping[str, Any]) -> JsonObject:
        return self.operator.call("POST", "/v1/keys", content=body).ok()


@contextmanager
def hub(name: str = "hub") -> Generator[Hub]:
    """The four services, Kafka and PostgreSQL on a folder of their own; what was started is stopped and removed."""
    place = ROOT / ".credithub" / "tests" / f"{name}-{os.getpid()}"
    stack = Stack(place, options=Options(ports=dict.fromkeys(PORTS, 0)))
    try:
        stack.start()
        door = Door(stack.context.url)
        yield Hub(door, Holder(door, stack.context.key), stack)
    finally:
        stack.stop()
        shutil.rmtree(place, ignore_errors=True)


def codes(entry: Mapping[str, Any]) -> set[tuple[str | None, str]]:
    """(field, code) of everything said against an entry."""
    reasons: Sequence[Mapping[str, Any]] = entry["reasons"]
    return {(reason.get("field"), reason["code"]) for reason in reasons}
