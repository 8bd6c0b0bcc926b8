"""Understands how to start the matcher: `python -m services.matcher`."""

from __future__ import annotations

from credithub.service import run
from services.matcher.wiring import main

if __name__ == "__main__":
    run("matcher", main)
