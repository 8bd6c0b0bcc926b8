"""Understands the addresses under /ops: who may come in, what each answers, and the headers that keep it to itself."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response

from credithub.clock import wall
from credithub.http.problem import Problem
from credithub.log import logger
from services.gateway.auth import bearer
from services.gateway.dashboard.board import Board
from services.gateway.dashboard.page import as_json, files, render_board, render_live, render_login
from services.gateway.dashboard.session import (
    COOKIE,
    DAY_SECONDS,
    FORM_COOKIE,
    IDLE_SECONDS,
    Failures,
    Session,
    Sessions,
)
from services.gateway.dashboard.speak import language
from services.gateway.dashboard.texts import Language

FORM_BYTES = 4_096
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "vary": "Cookie, Accept-Language",
}
FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(slots=True, kw_only=True)
class Pages:
    """The answers. `tls`: the cookies may only travel over TLS."""

    board: Board
    sessions: Sessions
    tls: bool
    failures: Failures = field(default_factory=Failures)

    def routes(self) -> APIRouter:
        router = APIRouter(include_in_schema=False)
        router.add_api_route("/ops", self.home, methods=["GET"])
        router.add_api_route("/ops", self.enter, methods=["POST"])
        router.add_api_route("/ops/leave", self.leave, methods=["POST"])
        router.add_api_route("/ops/live", self.live, methods=["GET"])
        router.add_api_route("/ops/figures.json", self.figures, methods=["GET"])
        router.add_api_route("/ops/static/{digest}/{name}", self.file, methods=["GET"])
        return router

    async def home(self, request: Request) -> Response:
        """The page, or the form that leads to it."""
        session = self._session(request)
        if session is None:
            return self._form(request, "login.left" if request.query_params.get("left") else "")
        token = self.sessions.form_token(session.nonce)
        page = render_board(await self.board.figures(), _language(request), token=token)
        return self._renewed(_html(page), session)

    async def live(self, request: Request) -> Response:
        """The part that changes; the script asks for it every few seconds while the page is looked at."""
        session = self._session(request)
        if session is None:
            return Response(status_code=401, headers=HEADERS)
        return self._renewed(_html(render_live(await self.board.figures(), _language(request))), session)

    async def figures(self, request: Request) -> Response:
        """The same facts as JSON, by the same session or by the key itself."""
        if self._session(request) is None and not self._by_key(request):
            raise Problem("key-missing")
        return Response(as_json(await self.board.figures()), media_type="application/json", headers=HEADERS)

    async def enter(self, request: Request) -> Response:
        """Key against session."""
        caller = request.client.host if request.client else "?"
        form = await _form_of(request)
        if not self.sessions.form_is_ours(request.cookies.get(FORM_COOKIE, ""), form.get("token", "")):
            return self._form(request, "login.stale", 403)
        if self.failures.too_many(caller):
            return self._form(request, "login.slow", 429)
        grant = self.sessions.keys.who(form.get("key", "").strip())
        if grant is None or not grant.sees_all:
            self.failures.note(caller)
            logger().warning("ops.refused", caller=caller, key=None if grant is None else grant.key)
            return self._form(request, "login.wrong", 403)
        logger().info("ops.entered", key=grant.key)
        answer = _to(f"/ops?lang={_language(request)}")
        answer.delete_cookie(FORM_COOKIE, path="/ops")
        return self._with(answer, self.sessions.begin(grant.key, _seconds()))

    async def leave(self, request: Request) -> Response:
        """Ends the session here, and any copy of its cookie."""
        session, form = self._session(request), await _form_of(request)
        if session is not None and self.sessions.form_is_ours(session.nonce, form.get("token", "")):
            self.sessions.leave(session, _seconds())
            logger().info("ops.left", key=session.key)
        answer = _to(f"/ops?left=1&lang={_language(request)}")
        answer.delete_cookie(COOKIE, path="/ops")
        return answer

    async def file(self, digest: str, name: str) -> Response:
        found = files().get(name)
        if found is None or found.digest != digest:
            raise Problem("not-found")
        headers = HEADERS | {"cache-control": FOR_EVER}
        return Response(found.content, headers=headers, media_type=found.media_type)

    def _session(self, request: Request) -> Session | None:
        return self.sessions.open(request.cookies.get(COOKIE, ""), _seconds())

    def _by_key(self, request: Request) -> bool:
        token = bearer(request.headers.get("authorization"))
        grant = self.sessions.keys.who(token) if token else None
        return grant is not None and grant.sees_all

    def _form(self, request: Request, note: str, status: int = 200) -> Response:
        """The form with a fresh token; its twin goes into a cookie no other site can set or send."""
        nonce = secrets.token_hex(16)
        page = render_login(_language(request), at=wall(), token=self.sessions.form_token(nonce), note=note)
        answer = _html(page, status)
        self._set(answer, FORM_COOKIE, nonce, IDLE_SECONDS)
        return answer

    def _renewed(self, answer: Response, session: Session) -> Response:
        renewed = self.sessions.renewed(session, _seconds())
        return answer if renewed is None else self._with(answer, renewed)

    def _with(self, answer: Response, session: Session) -> Response:
        self._set(answer, COOKIE, self.sessions.seal(session), DAY_SECONDS)
        return answer

    def _set(self, answer: Response, name: str, value: str, seconds: int) -> None:
        answer.set_cookie(name, value, max_age=seconds, path="/ops", secure=self.tls, httponly=True, samesite="strict")


def _language(request: Request) -> Language:
    return language(request.query_params.get("lang"), request.headers.get("accept-language", ""))


async def _form_of(request: Request) -> Mapping[str, str]:
    """The fields of a small form; a big one has none."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > FORM_BYTES:
            return {}
    return {name: values[-1] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _html(page: str, status: int = 200) -> Response:
    return Response(page, status, HEADERS, "text/html; charset=utf-8")


def _to(place: str) -> Response:
    return Response(status_code=303, headers=HEADERS | {"location": place})


def _seconds() -> int:
    return int(wall().timestamp())
