"""Understands where the code tables are that are shipped as data beside the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

PACKAGE = Path(__file__).resolve().parents[1]
PLACES = (PACKAGE.parent / "schemas", PACKAGE / "_data" / "schemas")  # in a checkout, in an installed wheel
SHIPPED = next((place for place in PLACES if (place / "codes").is_dir()), PLACES[0])


def code_table(name: str) -> Any:
    """The content of schemas/codes/<name>.json, read once, when the module that understands it is imported."""
    return orjson.loads((SHIPPED / "codes" / f"{name}.json").read_bytes())
