"""Understands how the command line speaks to a hub over HTTP, and what its refusals mean for the exit code."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from credithub.cli.terminal import AUTH, FAILED, PARTIAL, UNREACHABLE, Terminal
from credithub.embedded.ports import LOOPBACK
from credithub.embedded.state import CONTEXT, Context

TIMEOUT = 60.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status and parsed JSON."""

    status: int
    content: Any

    @property
    def exit_code(self) -> int:
        return PARTIAL if self.status == 207 else 0


def context_of(terminal: Terminal) -> Context:
    """Options first, then the data folder's context.toml; ends the command where neither knows a hub."""
    if terminal.url and terminal.key:
        return Context(url=terminal.url, key=terminal.key)
    known = Context.read(terminal.data)
    if known is None:
        terminal.fail(terminal.text("no_context", file=terminal.data / CONTEXT), UNREACHABLE)
    return Context(url=terminal.url or known.url, key=terminal.key or known.key, kafka=known.kafka, ca=known.ca)


def call(terminal: Terminal, method: str, path: str, body: Mapping[str, object] | None = None) -> Answer:
    """One request as the context's operator. A refusal ends the command with its reason and what to do."""
    status, content = _asked(terminal, method, path, body)
    return Answer(status=status, content=_parsed(content))


def download(terminal: Terminal, path: str) -> bytes:
    """The same, for what is no JSON."""
    return _asked(terminal, "GET", path, None)[1]


def _asked(terminal: Terminal, method: str, path: str, body: Mapping[str, object] | None) -> tuple[int, bytes]:
    context = context_of(terminal)
    request = urllib.request.Request(  # noqa: S310 - the operator's own address
        context.url.rstrip("/") + path,
        method=method,
        data=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
        headers={
            "authorization": f"Bearer {context.key}",
            "content-type": "application/json",
            "accept": "application/json, application/problem+json",
            "accept-language": terminal.lang,
        },
    )
    try:
        with _opener(context).open(request, timeout=TIMEOUT) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as refusal:
        _refused(terminal, refusal.code, _parsed(refusal.read()))
    except (OSError, urllib.error.URLError) as problem:
        reason = getattr(problem, "reason", problem)
        terminal.fail(terminal.text("unreachable", url=context.url, problem=reason), UNREACHABLE)


def rows(answer: Answer, name: str) -> list[dict[str, Any]]:
    """A list answer's rows: `{"<name>": […], "next": …}`."""
    return cast("list[dict[str, Any]]", answer.content[name])


def quoted(part: str) -> str:
    """As one step of a path."""
    return urllib.parse.quote(part, safe="")


def _refused(terminal: Terminal, status: int, problem: Any) -> NoReturn:
    """Prints a problem+json; 401 and 403 end with 4, an unavailable hub with 5."""
    said = cast("dict[str, Any]", problem) if isinstance(problem, dict) else {}
    title, detail, do = (_in(terminal, said, name) for name in ("title", "detail", "what_to_do"))
    lines = [f"{status} {said.get('code', '')}  {title}", detail]
    lines += [_error(terminal, error) for error in said.get("errors", [])]
    lines += [terminal.text("do", do=do)] if do else []
    code = AUTH if status in (401, 403) else UNREACHABLE if status in (502, 503, 504) else FAILED
    terminal.fail("\n  ".join(line for line in lines if line), code)


def _error(terminal: Terminal, error: Mapping[str, Any]) -> str:
    """One fault of the request in a line: where, what, what to do."""
    where = error.get("field") or error.get("index", "")
    return f"{where}: {_in(terminal, error, 'detail')} → {_in(terminal, error, 'what_to_do')}"


def _in(terminal: Terminal, said: Mapping[str, Any], name: str) -> str:
    """A text of a problem in the language spoken here."""
    return str((said.get(f"{name}_zh") if terminal.lang == "zh" else None) or said.get(name, ""))


def _opener(context: Context) -> urllib.request.OpenerDirector:
    """A proxy is never asked for this machine's own addresses."""
    host = urllib.parse.urlsplit(context.url).hostname or ""
    handlers: list[urllib.request.BaseHandler] = []
    if host in (LOOPBACK, "localhost", "::1"):
        handlers.append(urllib.request.ProxyHandler({}))
    if context.ca:
        trusted = ssl.create_default_context()
        trusted.load_verify_locations(context.ca)  # beside the system's authorities
        handlers.append(urllib.request.HTTPSHandler(context=trusted))
    return urllib.request.build_opener(*handlers)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return {"detail": body.decode("utf-8", errors="replace")[:300]}
