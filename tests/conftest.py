"""Understands what every test may ask for: real Kafka and PostgreSQL, a clean database, the mark of its room."""

from __future__ import annotations

import gc
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from credithub.embedded.infra import Infra
    from tests.harness.ground import Database, Databases

ROOMS = ("unit", "contract", "house", "integration", "e2e", "chaos", "browser")
TESTS = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's folder is its mark, and the cheap rooms go first."""
    for item in items:
        room = item.path.relative_to(TESTS).parts[0]
        if room in ROOMS:
            item.add_marker(getattr(pytest.mark, room))
    items.sort(key=lambda item: _place(item.path))


def _place(path: Path) -> int:
    room = path.relative_to(TESTS).parts[0]
    return ROOMS.index(room) if room in ROOMS else len(ROOMS)


@pytest.fixture(scope="module", autouse=True)
def _nothing_left_open(request: pytest.FixtureRequest) -> Generator[None]:
    """What a file's tests left open is found at its end, not at the end of all."""
    yield
    if request.path.relative_to(TESTS).parts[0] in ("integration", "e2e", "chaos"):
        gc.collect()


@pytest.fixture(scope="session")
def infra() -> Generator[Infra]:
    """Kafka and PostgreSQL, started once for all tests that ask."""
    from tests.harness.ground import ground

    with ground() as started:
        yield started


@pytest.fixture(scope="session")
def databases(infra: Infra) -> Generator[Databases]:
    from tests.harness.ground import Databases

    made = Databases(infra=infra)
    yield made
    made.close()


@pytest.fixture
def database(databases: Databases, request: pytest.FixtureRequest) -> Generator[Database]:
    """A database of this test's own, migrated and empty."""
    fresh = databases.fresh()
    yield fresh
    if "keeping" in request.path.parts:  # its tests put other shapes into it
        databases.drop(fresh.name)
    else:
        databases.back(fresh.name)
