"""Understands how to start the gateway: `python -m services.gateway`."""

from __future__ import annotations

from credithub.service import run
from services.gateway.wiring import main

if __name__ == "__main__":
    run("gateway", main)
