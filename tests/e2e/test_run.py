"""Understands `make run ONCE=1`: the whole hub, a county's day, everything accounted for; a planted loss is found."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.harness.eventually import eventually_so

ROOT = Path(__file__).resolve().parents[2]
PORTS = ("kafka", "kafka_agency", "kafka_controller", "postgres", "http", "ingest", "matcher", "notifier")
FREE = {f"CREDITHUB_{name.upper()}_PORT": "0" for name in PORTS}
NOWHERE = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
SECONDS = 280.0
FIGURES = [
    "submitted", "archived", "waiting", "quarantined", "duplicates", "cases",
    "obligations", "notifications", "delivered", "feedback", "lost", "seconds",
]  # fmt: skip

pytestmark = pytest.mark.timeout(900)


def command(data: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "credithub.demo", "--data", str(data), "--lang", "en", *more]


def environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **FREE, "PYTHONUNBUFFERED": "1", **more}


def run_once(data: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(data, "--once"), cwd=ROOT, env=environment(more), capture_output=True, text=True, timeout=SECONDS,
        check=False,
    )  # fmt: skip


@contextmanager
def staying(data: Path, log: Path, **more: str) -> Generator[subprocess.Popen[bytes]]:
    """A run that has printed its table and goes on."""
    with log.open("wb") as output:
        process = subprocess.Popen(command(data), cwd=ROOT, env=environment(more), stdout=output, stderr=output)
    try:
        eventually_so(lambda: "keeps running" in said(log) or process.poll() is not None, within=SECONDS)
        assert process.poll() is None, said(log)
        yield process
    finally:
        process.kill()


def said(log: Path) -> str:
    return log.read_text("utf-8", "replace")


def assert_reconciled(output: str, data: Path) -> dict[str, Any]:
    told = json.loads((data / "run.json").read_text("utf-8"))
    assert list(told) == FIGURES
    assert told["lost"] == 0, output
    assert told["submitted"] == told["archived"] + told["waiting"] + told["quarantined"] + told["duplicates"]
    assert (told["cases"], told["obligations"]) == (8, 8 * 81)
    assert told["notifications"] == 9 * 81
    assert "everything reconciles" in output
    return told


def test_a_countys_day_reconciles_twice_and_a_planted_loss_is_found(tmp_path: Path) -> None:
    data, log = tmp_path / "hub", tmp_path / "log"
    done = run_once(data)
    assert done.returncode == 0, done.stdout + done.stderr
    first = assert_reconciled(done.stdout, data)

    with staying(data, log, **NOWHERE) as process:  # the second start is offline, on the same data
        again = assert_reconciled(said(log), data)
        assert again["submitted"] == first["submitted"]
        assert again["duplicates"] == first["duplicates"] + 120  # the register says the same again
        assert again["feedback"] == first["feedback"]

        planted = run_once(data, CREDITHUB_DEMO_PLANT="loss")  # on the hub that runs already
        assert planted.returncode == 1, planted.stdout + planted.stderr
        assert json.loads((data / "run.json").read_text("utf-8"))["lost"] == 1
        assert "never-sent" in planted.stdout

        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0, said(log)
    assert "stopped" in said(log)
    assert not (data / "state.json").exists()
