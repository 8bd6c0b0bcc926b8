"""Understands the operators' page: is all well, and if not, where."""

from __future__ import annotations

from fastapi import FastAPI

from services.gateway.dashboard.board import LISTEN_SECONDS, Board
from services.gateway.dashboard.pages import Pages
from services.gateway.dashboard.session import Keys, Sessions, Signer

__all__ = ["LISTEN_SECONDS", "Board", "mount"]


def mount(app: FastAPI, board: Board, *, keys: Keys, signer: Signer) -> None:
    """Adds /ops. `board.run_once` wants to be called every LISTEN_SECONDS, so that the half hour is known."""
    app.include_router(Pages(board=board, sessions=Sessions(signer, keys), tls=bool(board.settings.tls_cert)).routes())
