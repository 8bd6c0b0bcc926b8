"""Understands that laws 1 to 3 hold whatever dies, at every named moment and at others: a short run of `make chaos`."""

from __future__ import annotations

import random
import secrets

import pytest

from credithub.crashpoints import POINTS
from tests.chaos.hub import ROOT
from tests.chaos.run import run

UNNAMED = ("kill", "kafka-kill", "postgres-kill")  # at a moment that nobody chose
MISSED = 2  # points that a busy machine may not pass in time; `make chaos` draws them again


@pytest.mark.timeout(1200)
def test_nothing_is_lost_doubled_or_reordered_whenever_a_process_dies(capsys: pytest.CaptureFixture[str]) -> None:
    seed = secrets.randbelow(10**9)
    kinds = random.Random(seed).sample(UNNAMED, len(UNNAMED))
    with capsys.disabled():
        print(f"\nchaos: seed {seed}", flush=True)
        outcome = run(
            ROOT / ".credithub" / "tests" / "chaos",
            faults=len(POINTS) + len(UNNAMED),
            events=2_000,
            seed=seed,
            said=lambda what: print(f"  {what}", flush=True),
            points=sorted(POINTS),
            kinds=kinds,
        )
    assert outcome.sound, (seed, outcome.breaches[:20], outcome.unquiet)
    assert outcome.figures["faults"] >= 23
    missed = [point for point, hits in outcome.points.items() if not hits]
    assert len(missed) <= MISSED, f"never died at {missed} (seed {seed})"
