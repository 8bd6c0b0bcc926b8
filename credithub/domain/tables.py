"""Understands where the code tables are that are shipped as data beside the program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

# In a checkout and in an installed wheel alike, `schemas` lies beside the package.
SHIPPED = Path(__file__).resolve().parents[2] / "schemas"


def code_table(name: str) -> Any:
    """The content of schemas/codes/<name>.json, read once, when the module that understands it is imported."""
    return orjson.loads((SHIPPED / "codes" / f"{name}.json").read_bytes())
