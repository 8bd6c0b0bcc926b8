"""Understands that the laws' checker finds what is wrong: for each law faults are planted, and the walk names it."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from credithub.domain.routing import obligations_for
from tests.harness.ground import Databases
from tests.integration.life.mutants import MUTANTS
from tests.integration.life.stories import numbers, play

SEEDS = range(1, 8)
LAWS = {str(law) for law in range(1, 11)}


@pytest.fixture(autouse=True)
def _nothing_planned() -> Generator[None]:
    """What was planned with a fault is planned anew without it."""
    obligations_for.cache_clear()
    yield
    obligations_for.cache_clear()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_fault_is_caught_by_the_law_that_it_breaks(
    name: str, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few short walks; any of them may come across it."""
    mutant = MUTANTS[name]
    mutant.patch(monkeypatch)
    found: list[str] = []
    for seed in dict.fromkeys((mutant.seed, *SEEDS)):
        played = play(databases, numbers(seed, mutant.steps), mutant.only, turns=False, likely=mutant.likely)
        if played.broken is not None and played.law in mutant.laws:
            return
        found.append(str(played.broken))
    pytest.fail(f"law {' or '.join(mutant.laws)} was not seen to break: {found}")


def test_every_law_has_its_fault() -> None:
    assert {law for mutant in MUTANTS.values() for law in mutant.laws} == LAWS


@pytest.mark.parametrize("seed", [1, 2])
def test_without_a_fault_nothing_is_caught(seed: int, databases: Databases) -> None:
    likely = sorted({each for mutant in MUTANTS.values() for each in mutant.likely})
    played = play(databases, numbers(seed, 60), turns=False, likely=likely)
    assert played.broken is None, str(played)
