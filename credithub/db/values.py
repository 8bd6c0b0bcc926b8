"""Understands that PostgreSQL's jsonb may arrive as text or as a value."""

from __future__ import annotations

from typing import Any

import orjson


def as_json(value: object) -> Any:
    return orjson.loads(value) if isinstance(value, (str, bytes)) else value
