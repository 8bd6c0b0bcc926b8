"""Understands what makes a catalogue fit to be loaded: references, citations and dates that hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from credithub.domain.catalogue.book import Catalogue
from credithub.domain.catalogue.check_lists import list_problems, repair_problems, tolerance_problems
from credithub.domain.catalogue.check_measures import measure_problems, notice_problems
from credithub.domain.catalogue.check_rows import (
    calendar_problems,
    date_problems,
    department_problems,
    item_problems,
    manifest_problems,
    period_problems,
    reference_problems,
    repeated_problems,
)
from credithub.domain.catalogue.layers import is_local, local_problems, merged
from credithub.domain.catalogue.problems import Problem

_RULES: tuple[Callable[[Catalogue], Iterator[Problem]], ...] = (
    manifest_problems,
    repeated_problems,
    reference_problems,
    date_problems,
    department_problems,
    item_problems,
    list_problems,
    measure_problems,
    notice_problems,
    period_problems,
    repair_problems,
    tolerance_problems,
    calendar_problems,
)


def check(catalogue: Catalogue, national: Catalogue | None = None) -> list[Problem]:
    """Every fault, in the order of the files. An empty list: it may be loaded.

    A local version is looked at as what it will be: added to the `national` one.
    """
    whole = catalogue
    if is_local(catalogue) and national is not None:
        whole = merged(national, [catalogue], catalogue.content.manifest.division)
    return [*local_problems(catalogue), *(problem for rule in _RULES for problem in rule(whole))]
