"""Understands the life of a process: it waits for what is away, and ends when it is deaf."""

from __future__ import annotations

import pytest

from credithub.errors import Unavailable
from credithub.service import Health, Process
from credithub.settings import Settings


def process(**changed: object) -> Process:
    return Process("matcher", Settings(**changed), Health("matcher"))  # type: ignore[arg-type]


async def test_a_process_that_hears_nothing_from_kafka_ends_so_that_it_is_started_anew() -> None:
    """Interleavings 25: when all brokers died and came back, a consumer may stay silent for ever."""
    one = process(silence_seconds=10.0)
    with pytest.raises(SystemExit, match="nothing heard from Kafka"):
        await one.watch(lambda: 11.0)


async def test_a_process_that_hears_kafka_goes_on() -> None:
    one = process(silence_seconds=10.0)

    def heard() -> float:
        one.stopping.set()  # looked once; told to stop while it was fine
        return 1.0

    await one.watch(heard)


async def test_a_step_whose_dependency_is_away_is_tried_again_and_said_to_be_in_trouble() -> None:
    one, seen = process(), list[str | None]()

    async def step() -> int:
        if not seen:
            seen.append("away")
            one.stopping.set()
            raise Unavailable("PostgreSQL")
        return 1

    await one.repeat("relay", step, rest=0)
    assert one.health.as_json()["away"] == ["relay"]
