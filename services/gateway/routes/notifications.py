"""Understands GET /v1/notifications: an agency's numbered pull feed, ends first, behind one opaque cursor."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from credithub.http.problem import Problem
from credithub.vault import Vault
from services.gateway.answers import answer
from services.gateway.bodies import documented_answer
from services.gateway.parts import Parts
from services.gateway.store.database import Row

TAG = 16  # characters of the tag that keeps a cursor from being made up
EXAMPLE: dict[str, Any] = {
    "notifications": [
        {
            "lane": "ends",
            "number": 3,
            "message": "obl_hzjm3nyxkp2qv7ulbw4t6ode.1.2",
            "kind": "lifted",
            "notification": {},
        },
        {"lane": "rest", "number": 8, "message": None, "kind": "void", "notification": None},
    ],
    "next": "MS4zLjguMWM5ZTA3YjY1ZjQzYTJkOA",
    "more": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far an agency has read: the epoch, and the last number of each lane."""

    epoch: int | None = None
    ends: int = 0
    rest: int = 0

    def sealed(self, vault: Vault, agency: str) -> str:
        content = f"{self.epoch}.{self.ends}.{self.rest}"
        return base64.urlsafe_b64encode(f"{content}.{_tag(vault, agency, content)}".encode()).decode().rstrip("=")

    @staticmethod
    def opened(text: str, vault: Vault, agency: str) -> Cursor:
        """Problem for one that we never gave to this agency."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
            content, _, tag = raw.rpartition(".")
            if tag != _tag(vault, agency, content):
                raise Problem("cursor-invalid")
            epoch, ends, rest = content.split(".")
            return Cursor(epoch=int(epoch), ends=int(ends), rest=int(rest))
        except (binascii.Error, UnicodeError, ValueError):
            raise Problem("cursor-invalid") from None


def routes(parts: Parts) -> APIRouter:
    router = APIRouter(tags=["notifications 通知"])

    @router.get(
        "/v1/notifications",
        summary="拉取通知：终止类在前 · An agency's notifications: ends first, each lane without a gap",
        description=(
            "首次不带 after；处理完一页后以其 next 再取，即为收妥。作废的号码返回空条目。"
            " The first time without `after`; once a page is dealt with, ask again with its `next`: that confirms"
            " receipt. A number that was cancelled comes as an empty entry."
        ),
        responses=documented_answer("一页 · One page", EXAMPLE),
    )
    async def pull(
        authorization: Annotated[str | None, Header(include_in_schema=False)] = None,
        after: Annotated[str, Query(max_length=256, description="上一页的 next · `next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> Response:
        grant = parts.caller(authorization, "agency")
        agency = str(grant.acts)
        cursor = Cursor.opened(after, parts.vault, agency) if after else Cursor()
        rows = await parts.stores.told.pull(agency, cursor.epoch, cursor.ends, cursor.rest, limit)
        if any(row["lane"] == "resync" for row in rows):
            raise Problem("resync")
        behind = advanced(cursor, rows, parts.standing.epoch)
        return answer(
            {
                "notifications": [_told(row) for row in rows],
                "next": behind.sealed(parts.vault, agency),
                "more": len(rows) >= limit,
            }
        )

    return router


def advanced(cursor: Cursor, rows: Sequence[Row], epoch: int) -> Cursor:
    """The cursor behind these rows. Without rows it stays where it was, so asking again changes nothing."""
    ends = max((row["number"] for row in rows if row["lane"] == "ends"), default=cursor.ends)
    rest = max((row["number"] for row in rows if row["lane"] == "rest"), default=cursor.rest)
    known = rows[0]["epoch"] if rows else (epoch if cursor.epoch is None else cursor.epoch)
    return replace(cursor, epoch=known, ends=ends, rest=rest)


def _told(row: Row) -> dict[str, Any]:
    return {
        "lane": row["lane"],
        "number": row["number"],
        "message": row["message"],
        "kind": row["kind"],
        "notification": row["payload"],
    }


def _tag(vault: Vault, agency: str, content: str) -> str:
    return vault.hmac("cursor", f"{agency}|{content}")[:TAG]
