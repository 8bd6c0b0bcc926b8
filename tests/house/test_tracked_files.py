"""Understands what no tracked file may hold: where a machine keeps things, where packages come from, secrets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files

pytestmark = pytest.mark.house

HERE = Path("tests/house/test_tracked_files.py")
REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted\.org|repo1\.maven|repo\.maven\.apache|registry\.npmjs|proxy\.golang|deb\.debian"
    r"|mirrors?\.[a-z0-9-]+\.(?:com|cn|org|edu)"
)
MACHINE = re.compile(r"/(?:work|farm|home|root|Users)/\w|/tmp/\w+")
SECRETS = re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY|AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{30}")
LARGEST = 600_000  # bytes
BINARY = {".png", ".ico", ".gz", ".xlsx", ".woff2"}


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found: list[str] = []
    for path in files():
        if path == HERE or path.suffix in BINARY:
            continue
        for number, line in enumerate((ROOT / path).read_bytes().decode("utf-8", "replace").splitlines(), 1):
            if pattern.search(line):
                found.append(f"{path}:{number}: {line.strip()[:120]}")
    return found


def test_no_file_names_a_package_registry() -> None:
    assert lines_with(REGISTRIES) == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    assert lines_with(MACHINE) == []


def test_no_file_holds_a_secret() -> None:
    assert lines_with(SECRETS) == []


def test_no_file_is_too_large_to_review() -> None:
    large = {str(path): size for path in files() if (size := (ROOT / path).stat().st_size) > LARGEST}
    assert not large


def test_nothing_a_machine_makes_is_tracked() -> None:
    made = [str(p) for p in files() if {"__pycache__", ".venv", ".credithub"} & set(p.parts) or p.suffix == ".pyc"]
    assert not made
