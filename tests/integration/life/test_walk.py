"""Understands the laws of design.md §4 after every step of one long random walk, with a new seed each run."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.harness.ground import Database, Databases
from tests.integration.life.stories import Played, play, shortened
from tests.integration.life.walk import Walk

STEPS, AT_ONCE = 2000, 4  # what hypothesis draws at once is a few steps: it bounds how much one example may draw
SHORTEN_SECONDS = 120


class Life(RuleBasedStateMachine):
    """Hypothesis draws the numbers; each tells a few steps. Its first example, all noughts, tells nothing."""

    databases: Databases
    told: list[int] = []
    played: Played | None = None

    def __init__(self) -> None:
        super().__init__()
        self.walk: Walk | None = None
        self.runner = asyncio.Runner()
        self.database: Database | None = None

    @rule(number=st.integers(min_value=0, max_value=2**32 - 1))
    def go_on(self, number: int) -> None:
        if (number == 0 and self.walk is None) or Life.played is not None:
            return
        if self.walk is None:
            self.database = Life.databases.fresh()
            self.walk = self.runner.run(Walk.begin(self.database))
        random = Random(number)
        for _ in range(AT_ONCE):
            Life.told.append(random.getrandbits(32))
            try:
                self.runner.run(self.walk.step(Life.told[-1]))
            except Exception as problem:  # noqa: BLE001 - told below, with a shorter story
                Life.played = Played(self.walk, problem)
                return

    def teardown(self) -> None:
        if self.walk is not None and self.database is not None:
            if Life.played is None:
                self.runner.run(self.walk.laws.count())
                Life.played = Played(self.walk, None)
            self.runner.run(self.walk.end())
            Life.databases.back(self.database.name)
        self.runner.close()


@pytest.mark.timeout(900)
def test_every_law_holds_after_each_step_of_a_long_walk(
    databases: Databases, capsys: pytest.CaptureFixture[str]
) -> None:
    """CREDITHUB_SEED=… walks the same way again."""
    number = int(os.environ.get("CREDITHUB_SEED") or secrets.randbits(32))
    with capsys.disabled():
        print(f"\nCREDITHUB_SEED={number}")
    Life.databases, Life.told, Life.played = databases, [], None
    quiet = settings(
        max_examples=2, stateful_step_count=STEPS // AT_ONCE, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(seed(number)(Life), settings=quiet)
    played = Life.played
    assert played is not None
    if played.broken is not None:
        law = played.law
        short = shortened(Life.told, lambda story: play(databases, story).law == law, SHORTEN_SECONDS)
        pytest.fail(
            f"CREDITHUB_SEED={number}, after {len(Life.told)} steps; the shortest story found:\n{play(databases, short)}"
        )
    assert played.walk.steps >= STEPS
    with capsys.disabled():
        print(seen(played.walk))


def seen(walk: Walk) -> str:
    """Which transitions of the charts the walk took, and how often."""
    charts: dict[str, Counter[str]] = {}
    for (chart, state, event, after), times in walk.oracle.taken.items():
        charts.setdefault(chart, Counter())[f"{state} · {event} → {after}"] += times
    lines = [f"{walk.steps} steps, {len(walk.oracle.entries)} entries, {len(walk.fleet.all)} obligations"]
    lines += [f"{chart}: {len(taken)} transitions, {taken.total()} times" for chart, taken in sorted(charts.items())]
    return "\n".join(lines)
