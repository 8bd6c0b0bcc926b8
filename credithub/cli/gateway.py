"""Understands how a command speaks to the gateway: one request, and its refusal in plain words."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

import orjson

from credithub.settings import LOOPBACK

TIMEOUT = 60  # seconds
PIECE = 64 * 1024  # bytes read at once
TOLD = ("code", "title", "detail", "title_zh", "title_en", "detail_zh", "detail_en", "do", "do_zh", "do_en")


class GatewayRefused(Exception):
    """The gateway said no, or nobody answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    url: str
    key: str
    ca: Path | None = None

    def get(self, path: str) -> Any:
        """The answer's JSON; GatewayRefused with everything the problem says."""
        return _json(b"".join(self._asked(path, None)))

    def post(self, path: str, body: object) -> Any:
        """The same for something sent."""
        return _json(b"".join(self._asked(path, body)))

    def save(self, path: str, to: Path) -> int:
        """The answer's bytes as they come, into a file; gives their number."""
        with to.open("wb") as file:
            return sum(file.write(piece) for piece in self._asked(path, None))

    def _asked(self, path: str, body: object | None) -> Iterator[bytes]:
        target = self.url.rstrip("/") + path
        if not target.startswith(("http://", "https://")):
            raise GatewayRefused(f"{target}: 须为 http(s) 地址 · not an http(s) address")
        headers = {"authorization": f"Bearer {self.key}", "content-type": "application/json"}
        data = None if body is None else orjson.dumps(body)
        request = Request(target, data=data, headers=headers, method="GET" if body is None else "POST")  # noqa: S310  judged above
        try:
            with self._opener().open(request, timeout=TIMEOUT) as answer:
                while piece := answer.read(PIECE):
                    yield piece
        except HTTPError as error:
            with error:
                raise GatewayRefused(f"{error.code}: {_words(error.read())}") from None
        except (URLError, TimeoutError) as error:
            raise GatewayRefused(f"{target}: 无法连接 · cannot be reached ({error})") from None

    def _opener(self) -> OpenerDirector:
        """Proxies are for other machines."""
        direct = [ProxyHandler({})] if urlsplit(self.url).hostname in LOOPBACK else []
        return build_opener(HTTPSHandler(context=ssl.create_default_context(cafile=self.ca)), *direct)


def _json(raw: bytes) -> Any:
    return orjson.loads(raw) if raw.strip() else None


def _words(raw: bytes) -> str:
    try:
        told = _json(raw)
    except orjson.JSONDecodeError:
        return raw[:200].decode("utf-8", "replace")
    if not isinstance(told, dict):
        return str(told)
    problem = cast("dict[str, Any]", told)
    rows = "".join(f"\n  {orjson.dumps(row).decode()}" for row in problem.get("problems", problem.get("errors", [])))
    return " · ".join(str(problem[name]) for name in TOLD if problem.get(name)) + rows
