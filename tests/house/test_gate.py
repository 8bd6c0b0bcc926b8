"""Understands the gate of every change: what it runs, in which order, and that it fails when it should."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT, text

pytestmark = pytest.mark.house


def gate(folder: Path, fails: str) -> tuple[int, list[str]]:
    """Runs .ci/run with a `make` that only writes down its target, and fails at one of them."""
    made = folder / "made"
    fake = folder / "make"
    fake.write_text(f'#!/bin/sh\necho "$1" >> {made}\n[ "$1" != "{fails}" ]\n', encoding="utf-8")
    fake.chmod(0o755)
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run([str(ROOT / ".ci" / "run")], env=env, check=False, capture_output=True)
    return done.returncode, made.read_text(encoding="utf-8").split()


@pytest.mark.parametrize(("fails", "run"), [("check", ["check"]), ("test", ["check", "test"])])
def test_the_gate_fails_with_whatever_fails(tmp_path: Path, fails: str, run: list[str]) -> None:
    code, made = gate(tmp_path, fails)
    assert code != 0
    assert made == run


def test_the_gate_passes_when_both_pass(tmp_path: Path) -> None:
    assert gate(tmp_path, "nothing") == (0, ["check", "test"])


def test_a_ready_environment_is_left_alone_and_says_nothing() -> None:
    command = [sys.executable, "tools/setup.py"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    again = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.returncode == 0
    assert again.stdout == ""


def test_a_missing_browser_stops_with_the_line_to_run(tmp_path: Path) -> None:
    env = {"PATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "tools/need_chromium.py"], cwd=ROOT, env=env, check=False, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "apt-get install --yes --no-install-recommends chromium" in done.stderr


def test_only_one_line_stands_in_a_target() -> None:
    targets = text(Path("Makefile")).split("\n\n")
    recipes = [block for block in targets if "\n\t" in block]
    assert recipes
    assert [block for block in recipes if block.count("\n\t") > 1] == []
