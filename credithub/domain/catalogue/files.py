"""Understands how a catalogue is kept: a folder of JSON files, or one JSON object that holds them all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import orjson
from pydantic import ValidationError

from credithub.domain.catalogue.book import Catalogue, content_adapter
from credithub.domain.catalogue.problems import CatalogueUnreadable, Problem

# The key of the one object, and the file that holds the same in a folder.
FILES = {
    "manifest": "manifest.json",
    "departments": "departments.json",
    "documents": "documents.json",
    "effects": "effects.json",
    "items": "items.json",
    "list_types": "list-types.json",
    "measures": "measures.json",
    "routing": "routing.json",
    "periods": "periods.json",
    "decline_reasons": "decline-reasons.json",
    "calendar": "calendar.json",
    "tolerance": "tolerance.json",
    "repair": "repair.json",
}
OPTIONAL = frozenset({"tolerance", "repair"})  # a version that says nothing of them has none


def load(folder: Path) -> Catalogue:
    """Reads one version's folder. CatalogueUnreadable names every file and row that cannot be read."""
    content: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, name in FILES.items():
        try:
            content[key] = orjson.loads((folder / name).read_bytes())
        except FileNotFoundError:
            if key in OPTIONAL:
                continue
            problems.append(Problem(code="file-missing", file=name, id="", detail=str(folder)))
        except orjson.JSONDecodeError as error:
            problems.append(Problem(code="unreadable", file=name, id="", detail=str(error)))
    if problems:
        raise CatalogueUnreadable(problems)
    return from_json(content)


def from_json(content: Mapping[str, Any]) -> Catalogue:
    """The inverse of `Catalogue.to_json`."""
    try:
        return Catalogue(content_adapter().validate_python(dict(content)))
    except ValidationError as error:
        raise CatalogueUnreadable([_problem(content, dict(each)) for each in error.errors()]) from None


def versions(root: Path) -> list[Path]:
    """The folders below `root` that hold a catalogue version, oldest name first; a version is named by its year."""
    return sorted(manifest.parent for manifest in root.glob(f"[0-9]*/{FILES['manifest']}"))


def _problem(content: Mapping[str, Any], error: Mapping[str, Any]) -> Problem:
    key, *place = (str(step) for step in error["loc"])
    return Problem(
        code="unreadable",
        file=FILES.get(key, key),
        id=_name(content.get(key), place),
        detail=f"{'.'.join(place)}: {error['msg']}",
    )


def _name(rows: object, place: list[str]) -> str:
    """What the row at fault calls itself, else where it stands."""
    if not place:
        return ""
    if not isinstance(rows, list) or not place[0].isdecimal():
        return place[0]
    row = cast("list[Any]", rows)[int(place[0])]
    named = cast("dict[str, Any]", row) if isinstance(row, dict) else {}
    return str(named.get("code") or named.get("id") or place[0])
