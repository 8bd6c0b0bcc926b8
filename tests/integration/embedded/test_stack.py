"""Understands that the whole hub starts, is watched, stops in order, and starts again as it was; services are fakes."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from pathlib import Path

import pytest

from credithub.embedded.fleet import probe
from credithub.embedded.options import PORTS, Options
from credithub.embedded.processes import Running
from credithub.embedded.report import Silent
from credithub.embedded.stack import Stack
from credithub.embedded.state import AlreadyRunningError, Context, State
from credithub.errors import Unavailable
from tests.harness.eventually import eventually_so

FAKE = Path(__file__).with_name("fake_service.py")
ALL = {"gateway", "ingest", "matcher", "notifier", "kafka", "postgres"}


def fake(name: str) -> Sequence[str]:
    return [sys.executable, str(FAKE), name]


def broken(name: str) -> Sequence[str]:
    return fake(name) if name != "matcher" else [sys.executable, "-c", "raise SystemExit('no catalogue')"]


class Ears(Silent):
    def __init__(self) -> None:
        self.deaths: list[str] = []

    def died(self, name: str, deaths: int, again_in: float) -> None:
        self.deaths.append(name)


def told(data: Path, name: str) -> Running | None:
    """What others read of a part."""
    state = State.read(data)
    return state.processes.get(name) if state else None


def hub(data: Path, report: Ears | None = None) -> Stack:
    return Stack(data, options=Options(ports=dict.fromkeys(PORTS, 0)), report=report or Ears(), program=fake)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack") / "hub"


@pytest.fixture(scope="module")
def running(data: Path) -> Generator[Stack]:
    stack = hub(data)
    stack.start()
    yield stack
    stack.stop()


def test_everything_runs_and_others_can_find_it(running: Stack, data: Path) -> None:
    state = State.read(data)
    assert state is not None
    assert state.ready
    assert state.alive()
    assert set(state.processes) == ALL == set(running.running())
    assert probe(f"{state.url}/readyz") == {"service": "gateway", "ready": True}
    assert Context.read(data) == running.context


def test_the_folder_is_shut_and_so_is_every_secret(running: Stack, data: Path) -> None:
    assert data.stat().st_mode & 0o066 == 0
    secrets = list((data / "secrets").iterdir())
    assert {path.name for path in secrets} >= {"encryption.key", "hmac.key", "signing.key", "passwords.json"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (*secrets, data / "context.toml"))


def test_a_second_start_of_the_same_folder_is_refused(running: Stack, data: Path) -> None:
    with pytest.raises(AlreadyRunningError):
        hub(data).start()
    assert set(running.running()) == ALL


@pytest.mark.parametrize("name", sorted(ALL))
def test_whatever_dies_is_started_again(running: Stack, data: Path, name: str) -> None:
    before = running.running()[name]
    before.kill()
    eventually_so(lambda: running.running().get(name, before) != before, within=30)
    eventually_so(lambda: told(data, name) == running.running().get(name), within=30)


def test_a_service_that_cannot_start_ends_the_start_with_its_own_words(tmp_path: Path) -> None:
    stack = hub(tmp_path / "hub")
    stack.program = broken
    with pytest.raises(Unavailable, match="no catalogue"):
        stack.start()
    assert stack.running() == {}
    assert State.read(tmp_path / "hub") is None


def test_what_a_killed_supervisor_left_behind_is_ended_and_the_next_start_keeps_ports_and_key(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.integration.embedded.test_stack import hub;"
        "hub(Path(sys.argv[1])).start(); import signal; signal.pause()"
    )
    root = Path(__file__).resolve().parents[3]
    supervisor = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "hub")], cwd=root)
    state = eventually_so(lambda: State.read(tmp_path / "hub"), lambda s: s is not None and s.ready, within=60)
    assert state is not None
    supervisor.send_signal(signal.SIGKILL)
    supervisor.wait()
    assert all(part.alive() for part in state.processes.values())
    context = Context.read(tmp_path / "hub")
    stack = hub(tmp_path / "hub")
    stack.start()
    assert (stack.ports, stack.context) == (state.ports, context)
    assert not [name for name, part in state.processes.items() if part.alive()]
    stack.stop()
    assert stack.running() == {}
