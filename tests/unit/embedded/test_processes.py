"""Understands that a process is recognised by number and birth, and that its log stays small."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from credithub.embedded import processes
from credithub.embedded.processes import Running
from credithub.embedded.state import AlreadyRunningError, Context, State, alone, keep_ports, last_ports
from tests.harness.eventually import eventually_so

STUBBORN = "import signal; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); signal.pause()"


def started(folder: Path, code: str, mark: Path | None = None) -> Running:
    log = folder / "logs" / "child.log"
    return processes.start([sys.executable, "-c", code], log=log, env=dict(os.environ), cwd=folder, mark=mark)


def test_a_reused_number_is_not_taken_for_the_process() -> None:
    ours = Running.of(os.getpid())
    assert ours.alive()
    assert not replace(ours, born=ours.born - 100).alive()


def test_a_process_that_does_not_listen_is_killed_in_the_end(tmp_path: Path) -> None:
    running = started(tmp_path, STUBBORN)
    eventually_so(lambda: "ready" in processes.tail(tmp_path / "logs" / "child.log"))
    assert running.stop(0.2) is False
    assert not running.alive()


def test_its_output_is_for_its_owner_alone(tmp_path: Path) -> None:
    running = started(tmp_path, "print('said')")
    eventually_so(lambda: not running.alive())
    log = tmp_path / "logs" / "child.log"
    assert processes.tail(log) == "said"
    assert log.stat().st_mode & 0o777 == 0o600


def test_what_an_earlier_process_left_behind_is_ended_by_its_mark(tmp_path: Path) -> None:
    running = started(tmp_path, "import signal; signal.pause()", mark=tmp_path / "mark.json")
    processes.end_marked(tmp_path / "mark.json")
    assert not running.alive()
    processes.end_marked(tmp_path / "no-such-mark.json")


def test_a_log_grown_too_long_starts_anew_and_the_old_one_stays_beside_it(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab") as writer:
        writer.write(b"x" * 100)
        writer.flush()
        assert processes.rotate(log, limit=100)
        writer.write(b"new")
    assert log.read_bytes() == b"new"
    assert log.with_name("a.log.1").stat().st_size == 100
    assert not processes.rotate(log, limit=100)


def test_what_runs_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    us = Running.of(os.getpid())
    state = State(supervisor=us, url="http://127.0.0.1:1", ready=True, ports={"http": 1}, processes={"gateway": us})
    state.write(tmp_path)
    assert State.read(tmp_path) == state
    assert State.read(tmp_path / "nowhere") is None


def test_the_context_survives_and_is_its_owner_s_alone(tmp_path: Path) -> None:
    context = Context(url="https://hub.example", key='with "quotes"', kafka="127.0.0.1:9")
    context.write(tmp_path)
    assert Context.read(tmp_path) == context
    assert (tmp_path / "context.toml").stat().st_mode & 0o777 == 0o600


def test_a_data_folder_has_one_keeper_at_a_time(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(AlreadyRunningError), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass


def test_ports_are_remembered_from_start_to_start(tmp_path: Path) -> None:
    assert last_ports(tmp_path) == {}
    keep_ports(tmp_path, {"http": 8017})
    assert last_ports(tmp_path) == {"http": 8017}
