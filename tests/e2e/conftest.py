"""Understands the one hub that all end-to-end tests share."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.harness import hub as harness
from tests.harness.hub import Hub


@pytest.fixture(scope="session")
def hub() -> Generator[Hub]:
    """The four services as processes. Each test brings its own agencies, sources and subjects."""
    with harness.hub("e2e") as running:
        yield running
