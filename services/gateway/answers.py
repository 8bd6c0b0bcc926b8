"""Understands how answers are written: JSON by one door, lists in pages with a cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.responses import Response

JSON = "application/json"


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; dates and moments as RFC 3339."""
    return Response(orjson.dumps(content), status, headers, JSON)


def page(name: str, rows: Sequence[Mapping[str, Any]], limit: int, cursor: str, **more: object) -> Response:
    """One page of a list read with `limit + 1`: `next` is there when more follows, and is given back as `after`."""
    shown = [dict(row) for row in rows[:limit]]
    following = str(rows[limit - 1][cursor]) if len(rows) > limit else None
    return answer({name: shown, "next": following, **more})
