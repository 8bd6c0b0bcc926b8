"""Understands that a person's number is nowhere: planted wherever one can stand, looked for wherever anything is kept."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import unicodedata
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest

from credithub.domain.checkdigits import citizen_check
from credithub.domain.persons import HIDDEN
from tests.e2e import everything, papers
from tests.harness.eventually import eventually_so
from tests.harness.feedfiles import HEADERS, Cells, licence_row
from tests.harness.hub import BATCH, STRUCTURED, Answer, Holder, Hub, JsonObject

_FIRST = "13082219870615421"
NUMBER = _FIRST + citizen_check(_FIRST)  # invented
OLD = NUMBER[:6] + NUMBER[8:17]  # the same of before 1999
CONTROL = "planted-control-word-7731"
WIDE = "".join(chr(ord(digit) + 0xFEE0) for digit in NUMBER)
SPACED, HYPHENED = f"{NUMBER[:6]} {NUMBER[6:14]} {NUMBER[14:]}", f"{NUMBER[:6]}-{NUMBER[6:14]}-{NUMBER[14:]}"
WRITTEN = (NUMBER, WIDE, SPACED, HYPHENED, f"身份证{OLD}")
BETWEEN = re.compile(r"[\s\-_.·•‐-―]")


def forms() -> list[bytes]:
    """The number as bytes may hold it: plain, in other encodings, wrapped, or hashed without a key."""
    plain = [NUMBER, NUMBER.lower(), OLD, WIDE, SPACED, HYPHENED]
    found = [text.encode(encoding) for text in plain for encoding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030")]
    for text in (NUMBER, OLD):
        raw = text.encode()
        found += [base64.b64encode(b"\0" * pad + raw)[pad + 1 : -4] for pad in range(3)]
        found += [raw.hex().encode(), quote(WIDE).encode()]
        for hashed in (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.sha512):
            found += [hashed(raw).digest(), hashed(raw).hexdigest().encode(), base64.b64encode(hashed(raw).digest())]
    return sorted(set(found))


FORMS = forms()


def shows(blob: bytes) -> bool:
    """Whether these bytes hold the number, as they are or once spaces and widths are taken off."""
    if any(form in blob for form in FORMS):
        return True
    folded = BETWEEN.sub("", unicodedata.normalize("NFKC", blob.decode("utf-8", "replace"))).upper()
    return NUMBER in folded or OLD in folded


@dataclass(slots=True)
class Planting:
    """A bureau, a court and an operator who write the number wherever they can; what the hub answered them."""

    hub: Hub
    county: str
    bureau: Holder
    court: Holder
    register: Holder
    land: Holder
    answers: list[Answer] = field(default_factory=list[Answer])

    def kept(self, answer: Answer) -> Answer:
        self.answers.append(answer)
        return answer

    def table(self, rows: list[Cells], name: str, *more: str) -> Answer:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([*HEADERS, *more])
        writer.writerows([[*(row[header] for header in HEADERS), *more] for row in rows])
        told = self.kept(self.bureau.send_file("licence-2018", out.getvalue().encode(), name))
        if told.status == 202:
            self.bureau.decided(told.json["submission"])
            self.kept(self.bureau.call("GET", f"/v1/submissions/{told.json['submission']}", query={"limit": 5000}))
        return told

    def event(self, event: JsonObject, **headers: str) -> Answer:
        sent = {"content-type": STRUCTURED, "prefer": "wait=10"} | headers
        return self.kept(self.bureau.call("POST", "/v1/events", body=json.dumps(event).encode(), headers=sent))

    def licence(self, **changed: Any) -> JsonObject:
        who = self.hub.organisation()
        data = papers.licence(papers.subject(who), f"演许〔2026〕{who.number}号")
        return self.bureau.event("licence.granted", data | changed, self.hub.id("licence"))


@pytest.fixture(scope="module")
def planting(hub: Hub) -> Planting:
    county = hub.county()
    planting = Planting(
        hub,
        county,
        hub.supplier(f"mwr-{county}", "licence"),
        hub.supplier(f"spc-{county}", "judgment-debtor"),
        hub.supplier(f"aab-{county}", "registration"),
        hub.agency(f"mnr-{county}", "kafka", "pull"),
    )
    _in_tables(planting)
    _in_events(planting)
    _in_a_case(planting)
    _in_addresses(planting)
    _in_the_registry(planting)
    return planting


def _in_tables(planting: Planting) -> None:
    """Its own columns, every wrong one in turn, free text, a header, the file's name."""
    rows: list[Cells] = []
    for n, written in enumerate(WRITTEN):
        sound = licence_row(60_000 + 100 * n)
        rows.append(sound | {"XK_FR_ZJHM": written, "XK_FRDB": "演示某"})
        rows.append(sound | {"XK_XDR_LB": "自然人", "XK_XDR_ZJHM": written, "XK_XDR_SHXYM": ""})
        rows += [licence_row(60_001 + 100 * n + k) | {header: written} for k, header in enumerate(HEADERS)]
        rows.append(licence_row(60_050 + 100 * n) | {"XK_NR": f"{CONTROL}：经办人（身份证号{written}）已到场。"})
    assert planting.table(rows, f"许可_{NUMBER}.csv").status == 202
    for header in WRITTEN:
        planting.table([licence_row(61_000)], f"C:\\{header}\\{header}.csv", header)
    planting.table([dict.fromkeys(HEADERS, NUMBER)], "x.csv")
    planting.kept(planting.bureau.send_file("licence-2018", f"{NUMBER},{WIDE}\r\n{NUMBER},1\r\n".encode(), "x.csv"))


def _in_events(planting: Planting) -> None:
    """Anywhere in the data, in each attribute, as a name."""
    for written in WRITTEN:
        planting.event(planting.licence(remarks=f"{CONTROL}，联系人证件{written}"))
        planting.event(
            planting.licence(licence={"category": written, "content": written, "certificate_number": written})
        )
        planting.event(planting.licence(subject={"name": f"演示{written}", "unified_code": written}))
        planting.event(planting.licence(subject={"name": "演示", "registration_number": written}))
        planting.event(planting.licence(document=papers.document(written, written, written)))
        planting.event(planting.licence(**{written: written, "inner": {written: [written, {written: 1}]}}))
        for name in ("id", "source", "subject", "type", "time", "dataschema", "operator", "datacontenttype"):
            planting.event(planting.licence() | {name: written})
        planting.event(planting.licence() | {written: "x"})
        planting.event(
            planting.licence(), **{"x-operator": quote(written), "user-agent": quote(written), "prefer": quote(written)}
        )
    planting.event(planting.licence() | {"id": f"licence-{NUMBER}-1"})
    planting.event(planting.licence() | {"data": NUMBER})
    event = planting.licence()
    binary = {"ce-" + name: str(event[name]) for name in ("specversion", "id", "source", "type")} | {
        "ce-operator": NUMBER
    }
    planting.event(event["data"], **binary, **{"content-type": "application/json"})
    body = b'{"id":"' + NUMBER.encode() + b'","id":"' + NUMBER.encode() + b'","' + NUMBER.encode() + b'":'
    for kind in (STRUCTURED, BATCH):
        planting.kept(planting.bureau.call("POST", "/v1/events", body=body, headers={"content-type": kind}))


def _in_a_case(planting: Planting) -> None:
    """In what a court writes of a duty; it goes on to an agency, which answers in kind."""
    who = planting.hub.organisation()
    registered = planting.register.event(
        "subject.registered", papers.registration(who, planting.county), planting.hub.id("r")
    )
    assert planting.register.states(registered) == ["archived"]
    data = papers.listing(papers.subject(who), papers.case_number(who.number))
    for name in ("duty", "circumstances", "basis_unit"):
        data["debtor"][name] += f"；申请人{CONTROL}，证件{NUMBER}、{WIDE}、{SPACED}"
    listing = planting.court.event("judgment-debtor.listed", data, planting.hub.id("l"))
    assert planting.court.states(listing) == ["archived"]
    owed = eventually_so(lambda: planting.land.get("/v1/obligations")["obligations"])
    for each in owed:
        said = {"epoch": each["epoch"], "version": each["version"], "answer": "executed"}
        paper = {"number": f"文{NUMBER}号", "date": "2026-11-20"}
        for more in (
            {"document": paper},
            {"reason": NUMBER},
            {NUMBER: NUMBER},
            {"answer": NUMBER},
            {"happened_on": NUMBER},
        ):
            planting.kept(planting.land.answer(each["obligation"], said | more))
    eventually_so(lambda: planting.land.pull()[0])
    planting.kept(planting.court.call("GET", "/v1/trail", query={"source": listing["source"], "id": listing["id"]}))
    planting.kept(planting.land.call("GET", "/v1/notifications"))


def _in_addresses(planting: Planting) -> None:
    """In paths, in queries, as a key."""
    for written in (NUMBER, WIDE, SPACED):
        safe = quote(written)
        for path in (
            f"/{safe}",
            f"/v1/subjects/{safe}",
            f"/v1/submissions/{safe}",
            f"/v1/obligations/{safe}",
            f"/problems/{safe}",
        ):
            planting.kept(planting.hub.operator.call("GET", path))
        for query in ({"source": written, "id": written}, {"after": written}, {"state": written}, {written: written}):
            for path in ("/v1/trail", "/v1/submissions", "/v1/obligations", "/v1/notifications", "/v1/audit"):
                planting.kept(planting.hub.operator.call("GET", path, query=query))
        planting.kept(planting.bureau.send_file(safe, b"", written))
        planting.kept(planting.hub.door.call("GET", "/v1/submissions", key=safe))
        planting.kept(planting.hub.door.call("POST", f"/{safe}", body=written.encode()))


def _in_the_registry(planting: Planting) -> None:
    """Operators write too."""
    agency = {"id": f"moj-{planting.hub.county()}", "name_zh": f"演示{NUMBER}", "name_en": NUMBER}
    key = {"roles": ["auditor"], "label": f"给{NUMBER}"}
    supplier = {
        "roles": ["supplier"],
        "agency": planting.bureau.agency,
        "items": [NUMBER],
        "sources": [f"//x/{NUMBER}"],
    }
    for path, content in (
        ("/v1/agencies", agency),
        ("/v1/agencies", agency | {"id": NUMBER}),
        ("/v1/keys", key),
        ("/v1/keys", supplier),
    ):
        answer = planting.kept(planting.hub.operator.call("POST", path, content=content))
        assert 400 <= answer.status < 500, answer.body
    planting.kept(planting.hub.operator.call("POST", "/v1/catalogues", content={"content": {NUMBER: NUMBER}}))
    planting.kept(planting.hub.operator.call("DELETE", f"/v1/agencies/{NUMBER}"))
    planting.kept(planting.hub.operator.call("GET", "/v1/audit", query={"limit": 1000}))


Place = Iterator[tuple[str, bytes]]


def answers(planting: Planting) -> Place:
    for n, answer in enumerate(planting.answers):
        yield f"answer {n} ({answer.status})", json.dumps(dict(answer.headers)).encode() + answer.body


def topics(planting: Planting) -> Place:
    yield from everything.records(planting.hub.running.infra)


def database(planting: Planting) -> Place:
    for table, rows in everything.tables(planting.hub.running.infra).items():
        yield table, "\n".join(rows).encode()


def figures(planting: Planting) -> Place:
    """Metrics and health of each process."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for name, service in planting.hub.running.fleet.services.items():
        for path in ("/metrics", "/readyz", "/healthz"):
            with opener.open(service.health + path, timeout=10) as page:
                yield name + path, page.read()


def files(planting: Planting) -> Place:
    """Logs, spool, Kafka's logs and PostgreSQL's files as they lie on the disk; not the programs beside them."""
    data = planting.hub.running.data
    for folder in sorted(path for path in data.iterdir() if path.name not in ("jars", "secrets")):
        for path, block in everything.files(folder):
            yield str(path.relative_to(data)), block


PLACES: Mapping[Callable[[Planting], Place], str] = {
    answers: CONTROL,
    topics: CONTROL,
    database: CONTROL,
    figures: "credithub_handled_total",
    files: CONTROL,
}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_a_persons_number_is_nowhere_and_a_control_word_is_found_by_the_same_search(
    planting: Planting, place: Callable[[Planting], Place]
) -> None:
    control, found, bad = PLACES[place].encode(), False, list[str]()
    for name, blob in place(planting):
        found = found or control in blob
        if shows(blob) if place is not files else any(form in blob for form in FORMS):
            bad.append(name)
    assert found, "the search would not have found anything"
    assert bad == []


def test_the_search_finds_the_number_however_it_is_written() -> None:
    for written in WRITTEN:
        assert shows(f"a{written}b".encode())
        assert shows(written.encode("gb18030"))
    assert shows(base64.b64encode(f"x{NUMBER}y".encode()))
    assert shows(hashlib.sha256(NUMBER.encode()).hexdigest().encode())
    assert not shows(HIDDEN.encode())


def test_logs_say_what_happened_without_the_number(planting: Planting) -> None:
    logs = planting.hub.running.data / "logs"
    told = {path.name: path.read_bytes() for path in logs.glob("*.log*")}
    assert {"gateway.log", "ingest.log", "matcher.log", "notifier.log"} <= told.keys()
    assert all(b'"event"' in told[f"{name}.log"] for name in ("gateway", "ingest", "matcher", "notifier"))
    assert [name for name, text in told.items() if shows(text)] == []


def test_in_free_text_it_is_masked_and_its_supplier_is_told(planting: Planting) -> None:
    event = planting.licence(remarks=f"经办人证件号{NUMBER}，{CONTROL}")
    (entry,) = planting.event(event).ok(202)["entries"]
    assert entry["state"] == "archived"
    record = planting.bureau.trail(event["source"], event["id"])["record"]
    assert record["data"]["remarks"] == f"经办人证件号{HIDDEN}，{CONTROL}"


@pytest.mark.requirement("R249")
def test_an_upload_under_way_lies_sealed_on_the_disk(planting: Planting) -> None:
    rows = "".join(f"{NUMBER},{CONTROL}\r\n" for _ in range(60_000)).encode()
    lines = ["POST /v1/feeds/licence-2018/files HTTP/1.1", "host: x", f"authorization: Bearer {planting.bureau.key}"]
    head = "\r\n".join([*lines, f"content-length: {len(rows) * 2}", "", ""]).encode()
    spool = planting.hub.running.data / "spool"
    with planting.hub.door.raw() as wire:
        wire.sendall(head + rows)
        blocks = eventually_so(
            lambda: [block for _, block in everything.files(spool)], lambda seen: sum(map(len, seen)) > 1_000_000
        )
        assert not any(form in block for form in [*FORMS, CONTROL.encode()] for block in blocks)
    eventually_so(lambda: not list(spool.iterdir()), why="what was cut off is gone")
