"""Understands how a catalogue that somebody sends is checked whole before anything is done with it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from credithub.domain.catalogue import Catalogue, CatalogueUnreadable, check, from_json
from credithub.domain.catalogue import Problem as Fault
from credithub.domain.persons import mask
from credithub.domain.reasons import Reason
from credithub.http.problem import Problem
from services.gateway.store.catalogues import NewCatalogue

MOST_FAULTS = 200  # told at once
LONGEST_FIELD = 300  # characters of what a fault repeats


async def checked(content: Mapping[str, Any], national: Catalogue | None) -> Catalogue:
    """The catalogue; Problem names every fault. A local one is looked at together with the national one in force."""
    return await asyncio.to_thread(_checked, content, national)


def new_catalogue(catalogue: Catalogue, effective_from: date | None) -> NewCatalogue:
    return NewCatalogue(
        version=catalogue.version,
        effective_from=effective_from or catalogue.effective_from,
        illustrative=catalogue.illustrative,
        content=catalogue.to_json(),
        digest=catalogue.digest,
    )


def _checked(content: Mapping[str, Any], national: Catalogue | None) -> Catalogue:
    try:
        catalogue = from_json(content)
    except CatalogueUnreadable as unreadable:
        raise _faulty(unreadable.problems) from None
    if faults := check(catalogue, national):
        raise _faulty(faults)
    return catalogue


def _faulty(faults: Sequence[Fault]) -> Problem:
    """The first faults, each by file, row and code."""
    return Problem(
        "request-invalid",
        reasons=[
            Reason(
                code="schema-violation",
                field=mask(f"{fault.file}/{fault.id}")[:LONGEST_FIELD],
                value=fault.code,
                hint=mask(fault.detail)[:LONGEST_FIELD],
            )
            for fault in faults[:MOST_FAULTS]
        ],
    )
