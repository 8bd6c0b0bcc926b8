"""Understands how a long story is made short: what it ends badly by is kept, all else is left out."""

from __future__ import annotations

import pytest

from tests.integration.life.stories import numbers, shortened

FOREVER = 10.0


@pytest.mark.parametrize("needed", [(3,), (3, 999), (1, 500, 998)])
def test_only_what_it_ends_badly_by_is_kept(needed: tuple[int, ...]) -> None:
    story = range(1000)
    assert shortened(story, lambda some: set(needed) <= set(some), FOREVER) == list(needed)


def test_the_order_is_kept() -> None:
    story = [5, 1, 9, 1, 7]
    assert shortened(story, lambda some: 9 in some and 7 in some and some.index(9) < some.index(7), FOREVER) == [9, 7]


def test_without_time_it_stays_as_it_is() -> None:
    assert shortened([1, 2, 3], lambda _: True, 0.0) == [1, 2, 3]


def test_a_seed_tells_the_same_story_again() -> None:
    assert numbers(7, 20) == numbers(7, 20) != numbers(8, 20)
