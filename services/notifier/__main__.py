"""Understands how to start the notifier: `python -m services.notifier`."""

from __future__ import annotations

from credithub.service import run
from services.notifier.wiring import main

if __name__ == "__main__":
    run("notifier", main)
