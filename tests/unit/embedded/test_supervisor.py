"""Understands that a dead part comes back: soon at first, then ever later, and at once again after a quiet time."""

from __future__ import annotations

from dataclasses import dataclass, field

from credithub.embedded.supervisor import LONGEST, SETTLED, Supervisor
from credithub.errors import Unavailable


@dataclass
class FakePart:
    """Alive until told otherwise; may refuse to start."""

    living: bool = True
    refuses: bool = False
    starts: int = 0

    def alive(self) -> bool:
        return self.living

    def start_again(self) -> None:
        self.starts += 1
        if self.refuses:
            raise Unavailable("no")
        self.living = True


@dataclass
class World:
    now: float = 0.0
    told: list[tuple[str, int, float]] = field(default_factory=list)

    def supervisor(self, **parts: FakePart) -> Supervisor:
        return Supervisor(
            parts, died=lambda name, deaths, rest: self.told.append((name, deaths, rest)), clock=lambda: self.now
        )

    def passes(self, supervisor: Supervisor, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            supervisor.run_once()


def test_a_dead_part_is_started_again_and_told_of() -> None:
    world, part = World(), FakePart()
    supervisor = world.supervisor(ingest=part)
    supervisor.run_once()
    part.living = False
    world.passes(supervisor, 1)
    assert part.living
    assert part.starts == 1
    assert world.told == [("ingest", 1, 0.2)]


def test_one_that_keeps_dying_is_tried_ever_later() -> None:
    world, part = World(), FakePart(living=False, refuses=True)
    supervisor = world.supervisor(ingest=part)
    world.passes(supervisor, 60)
    rests = [rest for _, _, rest in world.told]
    assert rests[:4] == [0.2, 0.4, 0.8, 1.6]
    assert max(rests) == LONGEST
    assert supervisor.deaths("ingest") == part.starts or supervisor.deaths("ingest") == part.starts + 1


def test_after_a_quiet_time_a_death_counts_as_the_first() -> None:
    world, part = World(), FakePart()
    supervisor = world.supervisor(ingest=part)
    part.living = False
    world.passes(supervisor, 1)
    world.passes(supervisor, SETTLED + 1)
    part.living = False
    world.passes(supervisor, 1)
    assert [deaths for _, deaths, _ in world.told] == [1, 1]


def test_a_part_that_a_test_is_breaking_is_left_alone() -> None:
    world, part, other = World(), FakePart(living=False), FakePart(living=False)
    supervisor = world.supervisor(kafka=part, ingest=other)
    supervisor.left_alone.add("kafka")
    world.passes(supervisor, 1)
    assert (part.starts, other.starts) == (0, 1)
