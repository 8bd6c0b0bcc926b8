"""Understands a whole hub on one machine: Kafka, PostgreSQL and the four services, started, watched and stopped."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from credithub.db import migrate
from credithub.embedded import processes, state
from credithub.embedded.fleet import Fleet, program
from credithub.embedded.infra import Infra
from credithub.embedded.jars import read_lock
from credithub.embedded.options import PORTS, Options
from credithub.embedded.ports import choose, listening
from credithub.embedded.processes import Running
from credithub.embedded.report import Report, Silent
from credithub.embedded.supervisor import Part, Supervisor
from credithub.errors import Unavailable
from credithub.kafka.admin import ensure_hub_topics
from credithub.vault import create_secrets

READY = 60.0  # seconds for the services to become ready
DEATHS = 3  # of a service while starting, after which waiting longer is of no use


@dataclass(slots=True)
class Stack:
    """`start`, then `stop`; between them a thread keeps every part alive. One at a time per data folder."""

    data: Path
    options: Options = field(default_factory=Options.from_env)
    report: Report = field(default_factory=Silent)
    program: Callable[[str], Sequence[str]] = program
    infra: Infra = field(init=False)
    fleet: Fleet = field(init=False)
    supervisor: Supervisor = field(init=False)
    context: state.Context = field(init=False)
    ports: dict[str, int] = field(default_factory=dict[str, int])
    ready: bool = False
    _held: ExitStack = field(default_factory=ExitStack)
    _stopping: Event = field(default_factory=Event)
    _thread: Thread | None = None

    def start(self) -> None:
        """Returns when all is ready; on trouble stops what was started and raises."""
        self.data = self.data.absolute()
        self._held.enter_context(state.alone(self.data))
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._start()
            undo.pop_all()

    def stop(self) -> None:
        """Services first, so that they drain; then Kafka; then PostgreSQL."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if hasattr(self, "fleet"):
            self.fleet.stop()
        if hasattr(self, "infra"):
            self.infra.down()
        (self.data / state.STATE).unlink(missing_ok=True)
        self._held.close()

    def kill(self) -> None:
        """Stops at once, without draining: for an impatient second Ctrl-C and for tests."""
        self._stopping.set()
        for part in self.running().values():
            part.kill()
        self._held.close()

    def running(self) -> dict[str, Running]:
        """The live process of each part."""
        found: dict[str, Running | None] = {}
        if hasattr(self, "fleet"):
            found |= {name: service.running for name, service in self.fleet.services.items()}
        if hasattr(self, "infra"):
            found |= {"kafka": self.infra.kafka.running, "postgres": self.infra.postgres.running}
        return {name: running for name, running in found.items() if running is not None and running.alive()}

    @property
    def agency_bootstrap(self) -> str:
        """Where agencies reach the broker."""
        host = self.options.agency_advertised or self.options.agency_host
        return f"{host}:{self.ports['kafka_agency']}"

    def _start(self) -> None:
        self.options.check()
        before = state.State.read(self.data)
        if before is not None:
            before.clear_up()
        create_secrets(self.data / "secrets")
        self.infra = Infra(self.data, options=self.options.kafka)
        self._prepare()
        self._infrastructure()
        self._services()
        self.ready = True
        self._publish()

    def _infrastructure(self, tries: int = 3) -> None:
        """Both at the same time. A port may be taken between our look and the server's: then with others."""
        self._choose_ports()
        try:
            with ThreadPoolExecutor(2) as pool:
                for started in (pool.submit(self._postgres), pool.submit(self._kafka)):
                    started.result()
        except Unavailable:
            if tries == 1 or not self._lost_a_port():
                raise
            self.infra.down()
            self._infrastructure(tries - 1)

    def _lost_a_port(self) -> bool:
        """True when a server is dead and somebody else is on its port."""
        kafka, postgres = self.infra.kafka, self.infra.postgres
        ours = ((kafka, "kafka"), (kafka, "kafka_agency"), (kafka, "kafka_controller"), (postgres, "postgres"))
        return any(not part.alive() and listening(self.ports[name]) for part, name in ours)

    def _choose_ports(self) -> None:
        self.ports = {}
        last = state.last_ports(self.data)
        for name, wanted in self.options.ports.items():
            usual = last.get(name, wanted) if wanted in (0, PORTS[name]) else wanted
            choice = choose(usual, avoid=self.ports.values())
            self.ports[name] = choice.port
            if choice.moved:
                self.report.moved(name, choice)
        state.keep_ports(self.data, self.ports)
        self.fleet = Fleet(self.infra, self.options, self.ports, program=self.program)

    def _prepare(self) -> None:
        began = time.monotonic()
        self.infra.kafka.prepare(self.report.downloading)
        self.report.done("jars", f"Kafka {read_lock().version}", time.monotonic() - began)

    def _postgres(self) -> None:
        began = time.monotonic()
        self.infra.start_postgres(self.ports["postgres"])
        self.report.done("postgres", f"127.0.0.1:{self.ports['postgres']}", time.monotonic() - began)
        began = time.monotonic()
        upgraded = asyncio.run(migrate.upgrade(self.infra.postgres.url("credithub_owner")))
        self.report.done("migrations", str(upgraded), time.monotonic() - began)
        known = state.Context.read(self.data)
        key = known.key if known and known.key else self.fleet.bootstrap_key()
        url = self.options.url(self.ports["http"])
        self.context = state.Context(url=url, key=key, kafka=self.agency_bootstrap, ca=self.options.tls_cert)
        self.context.write(self.data)

    def _kafka(self) -> None:
        began = time.monotonic()
        self.infra.start_kafka(self.ports)
        asyncio.run(ensure_hub_topics(self.infra.admin_settings()))
        self.report.done("kafka", self.infra.kafka.bootstrap, time.monotonic() - began)

    def _services(self) -> None:
        began = time.monotonic()
        self.fleet = Fleet(self.infra, self.options, self.ports, program=self.program)
        for service in self.fleet.services.values():
            service.start()
        self._publish()
        parts: Mapping[str, Part] = {**self.fleet.services, "kafka": self.infra.kafka, "postgres": self.infra.postgres}
        self.supervisor = Supervisor(parts, died=self.report.died)
        self._thread = Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()
        self._wait_ready()
        self.report.done("services", " ".join(self.fleet.services), time.monotonic() - began)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY
        waiting = list(self.fleet.services.values())
        while waiting := [service for service in waiting if not service.ready()]:
            for service in waiting:
                if self.supervisor.deaths(service.name) >= DEATHS or time.monotonic() > deadline:
                    raise Unavailable(f"{service.name} 未就绪 / not ready\n{processes.tail(service.log)}")
            time.sleep(0.1)

    def _watch(self) -> None:
        looks = 0
        known = self.running()
        while not self._stopping.wait(0.2):
            self.supervisor.run_once()
            looks += 1
            if looks % 5 == 0 and (now := self.running()) != known:
                known = now
                self._publish()
            if looks % 50 == 0:
                processes.rotate_all(self.data / "logs")

    def _publish(self) -> None:
        state.State(
            supervisor=Running.of(os.getpid()),
            url=self.options.url(self.ports["http"]),
            ready=self.ready,
            ports=self.ports,
            processes=self.running(),
        ).write(self.data)
