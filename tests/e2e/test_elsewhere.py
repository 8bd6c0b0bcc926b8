"""Understands a hub whose Kafka and PostgreSQL stand elsewhere: four commands and settings; and Kafka going away."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import pytest

from credithub.db.migrate import upgrade
from credithub.embedded.fleet import probe
from credithub.embedded.infra import Infra
from credithub.embedded.ports import choose
from credithub.kafka.admin import ensure_hub_topics
from credithub.vault import create_secrets
from tests.e2e import papers
from tests.e2e.kafka_seat import Seat
from tests.harness.eventually import eventually_so
from tests.harness.feedfiles import licence_rows
from tests.harness.ground import ROOT
from tests.harness.hub import Answer, Door, Holder, Hub, JsonObject

SERVICES = ("gateway", "ingest", "matcher", "notifier")
BATCH = 20


@dataclass(slots=True)
class Elsewhere:
    """Servers that know nothing of services, and services that know of them by settings alone."""

    infra: Infra
    place: Path
    ports: Mapping[str, int]
    _stack: ExitStack = field(default_factory=ExitStack)

    def environment(self, name: str) -> dict[str, str]:
        """As an operator writes it by hand; nothing else is inherited."""
        told = {
            "DATABASE_URL": self.infra.postgres.url(f"credithub_{name}"),
            "KAFKA_BOOTSTRAP": self.infra.kafka.bootstrap,
            "KAFKA_SECURITY": "SASL_PLAINTEXT",
            "KAFKA_USER": f"credithub-{name}",
            "KAFKA_PASSWORD": self.infra.passwords[f"credithub-{name}"],
            "KAFKA_AGENCY_BOOTSTRAP": self.infra.kafka.agency_bootstrap,
            "SECRETS_DIR": str(self.place / "secrets"),
            "SPOOL_DIR": str(self.place),
        }
        told |= {"HTTP_PORT" if name == "gateway" else "HEALTH_PORT": str(self.ports[name])}
        if name == "notifier":
            admin = self.infra.admin_settings()
            told |= {"KAFKA_ADMIN_USER": admin.kafka_admin_user, "KAFKA_ADMIN_PASSWORD": admin.kafka_admin_password}
        return {f"CREDITHUB_{key}": value for key, value in told.items()} | {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
        }

    def begin(self) -> Hub:
        """First the tables, the topics, the secrets, an operator's key; then the four commands."""
        create_secrets(self.place / "secrets")
        asyncio.run(upgrade(self.infra.postgres.url("credithub_owner")))
        asyncio.run(ensure_hub_topics(self.infra.admin_settings()))
        command = [sys.executable, "-m", "services.gateway.bootstrap"]
        env = self.environment("gateway")
        key = subprocess.run(
            command, env=env, cwd=self.place, capture_output=True, text=True, timeout=120, check=True
        ).stdout.strip()
        for name in SERVICES:
            self._start(name)
        for name in SERVICES:
            url = f"http://127.0.0.1:{self.ports[name]}/readyz"
            eventually_so(lambda url=url: probe(url).get("ready"), within=90, why=f"{name} is ready")
        door = Door(f"http://127.0.0.1:{self.ports['gateway']}")
        return Hub(door, Holder(door, key))

    def _start(self, name: str) -> None:
        log = self._stack.enter_context((self.place / f"{name}.log").open("wb"))
        command = [sys.executable, "-m", f"services.{name}"]
        process = subprocess.Popen(command, env=self.environment(name), cwd=self.place, stdout=log, stderr=log)
        self._stack.callback(_end, process)

    def end(self) -> None:
        self._stack.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def elsewhere() -> Generator[tuple[Elsewhere, Hub]]:
    root = ROOT / ".credithub" / "tests" / f"elsewhere-{os.getpid()}"
    infra = Infra(root / "servers")
    place = root / "services"
    place.mkdir(parents=True)
    ports: dict[str, int] = {}
    for name in SERVICES:
        ports[name] = choose(0, avoid=ports.values()).port
    made = Elsewhere(infra, place, ports)
    try:
        infra.up()
        yield made, made.begin()
    finally:
        made.end()
        infra.down()
        shutil.rmtree(root, ignore_errors=True)


@dataclass(slots=True)
class Sender:
    """A system that goes on posting whatever is answered, and remembers each answer."""

    bureau: Holder
    hub: Hub
    answers: list[tuple[list[JsonObject], Answer]] = field(default_factory=list[tuple[list[JsonObject], Answer]])
    stop: Event = field(default_factory=Event)

    def licences(self, number: int) -> list[JsonObject]:
        those = [self.hub.organisation() for _ in range(number)]
        return [
            self.bureau.event(
                "licence.granted",
                papers.licence(papers.subject(who), f"演许〔2026〕{who.number}号"),
                f"away-{who.number}",
            )
            for who in those
        ]

    def send(self, events: list[JsonObject]) -> Answer:
        answer = self.bureau.post(*events, wait=0)
        self.answers.append((events, answer))
        return answer

    def run(self) -> None:
        while not self.stop.is_set():
            self.send(self.licences(BATCH))

    def unanswered(self) -> list[JsonObject]:
        """What has no receipt that says received."""
        return [
            event
            for events, answer in self.answers
            for event, state in zip(events, states(answer, len(events)), strict=True)
            if state != "received"
        ]


def states(answer: Answer, number: int) -> list[str]:
    """How each entry was answered; a whole refusal refuses each."""
    entries = answer.json.get("entries")
    return [entry["state"] for entry in entries] if entries else [str(answer.status)] * number


@pytest.mark.requirement("R036")
@pytest.mark.timeout(240)
def test_four_commands_serve_a_kafka_and_a_postgresql_that_stand_elsewhere(elsewhere: tuple[Elsewhere, Hub]) -> None:
    _, hub = elsewhere
    county, who = hub.county(), hub.organisation()
    court, register = hub.supplier(f"spc-{county}", "judgment-debtor"), hub.supplier(f"aab-{county}", "registration")
    bureau, land = hub.supplier(f"mwr-{county}", "licence"), hub.agency(f"mnr-{county}", "kafka")
    assert register.states(register.event("subject.registered", papers.registration(who, county), "r1")) == ["archived"]
    licence = papers.licence(papers.subject(who), f"演许〔2026〕{who.number}号")
    assert bureau.states(bureau.event("licence.granted", licence, "l1")) == ["archived"]
    listing = papers.listing(papers.subject(who), papers.case_number(who.number))
    assert court.states(court.event("judgment-debtor.listed", listing, "d1")) == ["archived"]
    assert (
        bureau.decided(bureau.send_file("licence-2018", licence_rows(50).to_csv(), "许可.csv").ok(202)["submission"])[
            "archived"
        ]
        == 50
    )
    seat = Seat.of(land)
    eventually_so(lambda: not seat.refused(), within=30, why="its account is there")
    with seat.reading() as reader:
        first = reader.until(bool)[0]["data"]
        seat.answer(
            {
                "obligation": first["obligation"],
                "epoch": first["epoch"],
                "version": first["version"],
                "answer": "executed",
            }
        )
        path = f"/v1/obligations/{first['obligation']}"
        eventually_so(lambda: hub.operator.get(path)["state"], lambda state: state == "executed", within=30)


@pytest.mark.timeout(240)
def test_while_kafka_is_away_entries_are_refused_or_unknown_and_sent_again_none_is_lost_or_double(
    elsewhere: tuple[Elsewhere, Hub],
) -> None:
    servers, hub = elsewhere
    sender = Sender(hub.supplier(f"mnr-{hub.county()}", "licence"), hub)
    posting = Thread(target=sender.run, daemon=True)
    posting.start()
    try:
        eventually_so(lambda: len(sender.answers), lambda number: number > 20)
        servers.infra.kafka.stop()
        eventually_so(lambda: sender.answers[-1][1].status, lambda status: status == 503, within=40)
    finally:
        sender.stop.set()
        posting.join(60)
    assert not posting.is_alive()

    single = sender.send(sender.licences(1))
    refused = single.problem(503, "kafka-away")
    assert int(single.headers["retry-after"]) > 0
    assert refused["what_to_do_zh"]
    sender.bureau.send_file("licence-2018", licence_rows(3).to_csv(), "x.csv").problem(503, "kafka-away")
    hub.operator.get("/v1/submissions")  # reading goes on
    told = Counter(state for events, answer in sender.answers for state in states(answer, len(events)))
    assert told["received"] > 0
    assert set(told) <= {"received", "unknown", "503"}

    servers.infra.kafka.restart()
    again = sender.unanswered()
    assert again
    first = again[:BATCH]
    eventually_so(
        lambda: sender.send(first).status, lambda status: status == 202, within=60, why="it takes events again"
    )
    for n in range(BATCH, len(again), 500):
        sender.send(again[n : n + 500]).ok(202)
    everything = {event["id"] for events, _ in sender.answers for event in events}
    counted = eventually_so(
        lambda: outcomes(sender.bureau),
        lambda counts: counts["archived"] >= len(everything),
        within=90,
        why="all are archived",
    )
    assert (counted["archived"], counted["quarantined"], counted["waiting"]) == (len(everything), 0, 0)
    for event in again:
        arrivals = [each["state"] for each in sender.bureau.trail(sender.bureau.source, event["id"])["arrivals"]]
        assert arrivals.count("archived") == 1
        assert set(arrivals) <= {"archived", "duplicate"}


def outcomes(bureau: Holder) -> Counter[str]:
    """Over all submissions of a supplier, page by page."""
    counted, after = Counter[str](), ""
    while after is not None:
        page = bureau.get("/v1/submissions", limit=500, **({"after": after} if after else {}))
        for one in page["submissions"]:
            counted.update({name: one[name] or 0 for name in ("archived", "duplicates", "quarantined", "waiting")})
        after = page["next"]
    return counted
