"""Understands what a lock file promises: exact versions, known hashes, no word of where they come from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.house.tree import ROOT, text

pytestmark = pytest.mark.house

SERVER, EMBEDDED, DEVELOPMENT = (
    Path("requirements-server.lock"),
    Path("requirements.lock"),
    Path("requirements-dev.lock"),
)
LOCKS = (SERVER, EMBEDDED, DEVELOPMENT)
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+) \\$", re.MULTILINE)


def pins(lock: Path) -> dict[str, str]:
    return {_plain(name): version for name, version in PIN.findall(text(lock))}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.requirement("R244")
@pytest.mark.parametrize("lock", LOCKS, ids=str)
def test_every_pin_has_a_hash_and_none_an_address(lock: Path) -> None:
    for block in re.split(r"\n(?=[A-Za-z0-9])", text(lock)):
        pinned = block.split("\n")
        body = [line for line in pinned if line and not line.startswith("#")]
        assert PIN.match(body[0] + "\n") or not body, body[:1]
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}(?: \\)?", line) for line in body[1:]), body[0]
        assert len(body) > 1, body[0]
    assert "://" not in text(lock)
    assert "index" not in text(lock)


def test_the_three_locks_agree_about_what_they_share() -> None:
    server, embedded, development = (pins(lock) for lock in LOCKS)
    assert server.items() <= embedded.items()
    assert embedded.items() <= development.items()


def test_every_library_of_the_project_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = {EMBEDDED: project["dependencies"] + project["optional-dependencies"]["embedded"]}
    asked[SERVER] = project["dependencies"]
    asked[DEVELOPMENT] = asked[EMBEDDED] + project["optional-dependencies"]["dev"]
    for lock, wanted in asked.items():
        names = {_plain(re.split(r"[\[<>=!~ ]", requirement)[0]) for requirement in wanted}
        assert names <= pins(lock).keys()
