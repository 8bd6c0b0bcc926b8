"""Understands how to start ingest: `python -m services.ingest`."""

from __future__ import annotations

from credithub.service import run
from services.ingest.wiring import main

if __name__ == "__main__":
    run("ingest", main)
