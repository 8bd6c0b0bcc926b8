"""Understands how to start the gateway: `python -m services.gateway`."""

from __future__ import annotations

if __name__ == "__main__":  # the worker that reads tables imports this module too, and needs none of these
    from credithub.service import run
    from services.gateway.wiring import main

    run("gateway", main)
