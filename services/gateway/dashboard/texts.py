"""Understands where every word of the operators' page stands, in Chinese and in English: templates/ops/texts.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import orjson

Language = Literal["zh", "en"]
Pair = tuple[str, str]  # Chinese, English

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"


def _pair(raw: list[str]) -> Pair:
    zh, en = raw
    return zh, en


_RAW: Any = orjson.loads((TEMPLATES / "ops" / "texts.json").read_bytes())
TEXTS: Mapping[str, Pair] = MappingProxyType({name: _pair(raw) for name, raw in _RAW["texts"].items()})
# Of each cause of a verdict: what is wrong; what it means and asks for.
CAUSES: Mapping[str, tuple[Pair, Pair]] = MappingProxyType(
    {code: (_pair(raw["what"]), _pair(raw["do"])) for code, raw in _RAW["causes"].items()}
)
