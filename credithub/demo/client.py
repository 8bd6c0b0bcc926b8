"""Understands how a department's or an operator's system speaks to the hub: plain HTTP, every receipt verified."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import aiohttp
import orjson

from credithub.demo.ledger import Ledger, Receipt, receipt_of
from credithub.errors import CreditHubError
from credithub.http.cloudevents import BATCH, STRUCTURED

JsonObject: TypeAlias = dict[str, Any]
TRIES = 12  # of a request that the hub could not take just now
PAGE = 1_000
AGAIN = (429, 502, 503, 504)


class Refused(CreditHubError):
    """The hub said no; `problem` is its problem+json."""

    def __init__(self, what: str, status: int, problem: JsonObject) -> None:
        words = " · ".join(str(problem[name]) for name in ("title_zh", "title", "what_to_do") if name in problem)
        faults = " ".join(f"{e.get('field') or ''}:{e.get('code')}" for e in problem.get("errors", [])[:5])
        super().__init__(f"{what}: {status} {problem.get('code', '')} {words} {faults}".strip())
        self.status = status
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One key. `ledger` keeps the receipts that this key was given."""

    session: aiohttp.ClientSession
    key: str
    ledger: Ledger

    async def post(self, events: Sequence[JsonObject], *, wait: int = 0) -> Receipt:
        """One event in structured mode, several as a batch. The receipt is verified before it is kept."""
        single = len(events) == 1
        body = orjson.dumps(events[0] if single else list(events))
        headers = {"content-type": STRUCTURED if single else BATCH} | ({"prefer": f"wait={wait}"} if wait else {})
        told = await self._call("POST", "/v1/events", data=body, headers=headers)
        return self.ledger.keep(receipt_of(told["receipt"]), self.key)

    async def send_file(self, feed: str, name: str, content: bytes) -> Receipt:
        """A table as one upload."""
        headers = {"content-type": "text/csv"}
        told = await self._call(
            "POST", f"/v1/feeds/{feed}/files", data=content, params={"name": name}, headers=headers
        )  # fmt: skip
        return self.ledger.keep(receipt_of(told["receipt"]), self.key)

    async def summary(self, submission: str) -> JsonObject:
        """Counts of one submission, without its entries."""
        return await self._call("GET", f"/v1/submissions/{submission}", params={"limit": "1"})

    async def results(self, submission: str) -> list[JsonObject]:
        """Every decided entry of one submission."""
        found: list[JsonObject] = []
        after: int | None = -1
        while after is not None:
            page = await self._call(
                "GET", f"/v1/submissions/{submission}", params={"after": str(after), "limit": str(PAGE)}
            )  # fmt: skip
            found += page["results"]
            after = page["next"]
        return found

    async def trail(self, source: str, id_: str) -> JsonObject | None:
        """All that happened to one event; None where the hub knows nothing of it."""
        try:
            return await self._call("GET", "/v1/trail", params={"source": source, "id": id_})
        except Refused as refusal:
            if refusal.status == 404:
                return None
            raise

    async def get(self, path: str, **params: str) -> JsonObject:
        return await self._call("GET", path, params=params)

    async def send(self, path: str, body: object) -> JsonObject:
        return await self._call("POST", path, data=orjson.dumps(body), headers={"content-type": "application/json"})

    async def _call(
        self,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> JsonObject:
        """What cannot be taken just now is sent again: the same entries under the same ids count once."""
        sent = {"authorization": f"Bearer {self.key}", "accept-language": "zh"} | dict(headers or {})
        for left in range(TRIES, 0, -1):
            async with self.session.request(method, path, data=data, params=params, headers=sent) as answer:
                told = _json(await answer.read())
                if answer.status < 400:
                    return told
                if answer.status not in AGAIN or left == 1:
                    raise Refused(f"{method} {path}", answer.status, told)
                await asyncio.sleep(min(float(answer.headers.get("retry-after", "1")), 5.0))
        raise AssertionError("unreachable")


def _json(raw: bytes) -> JsonObject:
    try:
        told: Any = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        return {"title": raw[:200].decode("utf-8", "replace")}
    return cast("JsonObject", told) if isinstance(told, dict) else {"content": told}
