"""Understands which organisation codes are one subject: re-coded and merged ones are, those that a split made are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

JOINING = frozenset({"recoded", "merged"})


def successor(code: str, links: Sequence[Mapping[str, Any]]) -> str:
    """The code under which the subject goes on; the code itself where nothing followed, or where links run in a ring."""
    follows = {link["from_code"]: link["to_code"] for link in links if link["kind"] in JOINING}
    seen = {code}
    while (following := follows.get(code)) is not None and following not in seen:
        seen.add(following)
        code = following
    return code


def group(code: str, links: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Every code that is the same subject, the given one first."""
    found = [code]
    for one in found:
        for link in links:
            if link["kind"] in JOINING and one in (link["from_code"], link["to_code"]):
                found += [each for each in (link["from_code"], link["to_code"]) if each not in found]
    return tuple(found)
