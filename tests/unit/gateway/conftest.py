"""Understands the desk at which the gateway's unit tests post: the whole application without a port."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.gateway.desk import Desk, desk


@pytest.fixture
def hub(tmp_path: Path) -> Desk:
    """A gateway over fakes."""
    return desk(tmp_path)
