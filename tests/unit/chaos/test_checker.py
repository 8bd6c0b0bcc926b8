"""Understands that the chaos checker is worth something: it finds each kind of breach when one is planted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.chaos.checker import Archived, Attempt, Duty, Promise, Received, Told, World, breaches

PROMISE = Promise(submission="s", index=0, source="//a", id="1", expected="archived", fact="f1", subject="X", step=1)
LATER = replace(PROMISE, index=1, id="2", fact="f2", step=2)
BAD = replace(PROMISE, index=2, id="3", fact="f3", step=3, expected="quarantined")
ROW = Archived(source="//a", id="1", record="r1", subject="X", seq=1, state="active")
DUTY = Duty(obligation="o", key=("c", "m", "g", 1), agency="g", version=2, state="lifting", ended=True)
FIRST = Told(message="o.1", agency="g", obligation="o", version=1, state="triggered", channels={"kafka": "delivered"})
LIFT = replace(FIRST, message="o.2", version=2, state="lifted")
HEARD = Received(agency="g", place="t", message="o.1", obligation="o", version=1, state="triggered", content="x")
HEARD_LIFT = replace(HEARD, place="t.ends", message="o.2", version=2, state="lifted", content="y")


def sound() -> World:
    return World(
        promises=[PROMISE, LATER, BAD],
        states={("s", 0): ["archived"], ("s", 1): ["archived"], ("s", 2): ["quarantined"]},
        archive=[ROW, replace(ROW, id="2", record="r2", seq=2)],
        duties=[DUTY],
        told=[FIRST, LIFT],
        received=[HEARD, HEARD_LIFT],
        attempts=[Attempt(obligation="o", version=1, began=1.0), Attempt(obligation="o", version=2, began=2.0)],
    )


def test_a_sound_world_has_no_breach() -> None:
    assert breaches(sound()) == []


def _forget(world: World) -> None:
    del world.states["s", 0]


def _settled_but_gone(world: World) -> None:
    world.archive.pop(0)


def _slipped_through(world: World) -> None:
    world.states["s", 2] = ["archived"]


def _untold(world: World) -> None:
    world.told.pop()


def _no_delivery(world: World) -> None:
    world.told[1] = replace(LIFT, channels={})


def _never_arrived(world: World) -> None:
    world.received.clear()


def _two_verdicts(world: World) -> None:
    world.states["s", 0] = ["archived", "quarantined"]


def _archived_twice(world: World) -> None:
    world.archive.append(replace(ROW, seq=3, record="r9"))


def _two_contents(world: World) -> None:
    world.received.append(replace(HEARD, content="z"))


def _made_twice(world: World) -> None:
    world.duties.append(DUTY)


def _sent_by_nobody(world: World) -> None:
    world.archive.append(replace(ROW, id="9", record="r9", seq=9))


def _unknown_obligation(world: World) -> None:
    world.received.append(replace(HEARD, obligation="p", message="p.1"))


def _swapped(world: World) -> None:
    world.archive = [replace(ROW, seq=2), replace(ROW, id="2", record="r2", seq=1)]


def _old_after_end(world: World) -> None:
    world.attempts.append(Attempt(obligation="o", version=1, began=3.0))


def _still_held(world: World) -> None:
    world.received[1] = replace(HEARD_LIFT, state="triggered")


@pytest.mark.parametrize(
    ("plant", "what"),
    [
        (_forget, "loss"),
        (_settled_but_gone, "loss"),
        (_slipped_through, "loss"),
        (_untold, "loss"),
        (_no_delivery, "loss"),
        (_never_arrived, "loss"),
        (_two_verdicts, "duplicate"),
        (_archived_twice, "duplicate"),
        (_two_contents, "duplicate"),
        (_made_twice, "duplicate"),
        (_sent_by_nobody, "phantom"),
        (_unknown_obligation, "phantom"),
        (_swapped, "inversion"),
        (_old_after_end, "inversion"),
        (_still_held, "inversion"),
    ],
)
def test_it_fails_on_a_planted_breach(plant: Callable[[World], None], what: str) -> None:
    world = sound()
    plant(world)
    assert what in {breach.what for breach in breaches(world)}
