"""Understands which exact files of which libraries this project runs on: it writes the lock files.

Run by `make lock`, and only by hand: it asks the package index (whichever pip is set to) for versions and hashes.
Pins already in a lock stay unless `--upgrade` is given.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = {  # file: the extras it holds beside the libraries of a server
    "requirements-server.lock": [],
    "requirements.lock": ["embedded"],
    "requirements-dev.lock": ["embedded", "dev"],
}
QUIET = ["--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host", "--no-emit-options"]
SHAPE = ["--generate-hashes", "--allow-unsafe", "--strip-extras", "--no-header", "--no-annotate"]


def main(upgrade: bool) -> None:
    narrower: str | None = None
    for name, extras in LOCKS.items():
        command = [sys.executable, "-m", "piptools", "compile", "--quiet", *QUIET, *SHAPE, "--output-file", name]
        command += [f"--extra={extra}" for extra in extras]
        command += ["--constraint", narrower] if narrower else []
        command += ["--upgrade"] if upgrade else []
        print(f"→ {name}", flush=True)
        subprocess.run([*command, "pyproject.toml"], cwd=ROOT, check=True)
        narrower = name


if __name__ == "__main__":
    main(upgrade="--upgrade" in sys.argv[1:])
