"""Understands positions on PostgreSQL: a paused owner moves nothing, and a topic made anew is read from its start."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from credithub.db.engine import AsyncEngine, make_engine
from credithub.db.positions import Place, Positions
from credithub.errors import Fenced
from tests.harness.ground import Database

POSITIONS = Positions(schema="matcher", group="credithub-matcher-events", cluster="cluster-1")
PLACE = Place(topic="credit.events", topic_id="first-life", partition=0)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    made = make_engine(database.settings("matcher"), "matcher")
    yield made
    await made.dispose()


async def test_a_paused_consumer_that_wakes_behind_the_new_owner_is_fenced(engine: AsyncEngine) -> None:
    """Interleavings 5: what it did in its transaction goes with it."""
    async with engine.begin() as conn:
        assert await POSITIONS.load(conn, [PLACE]) == {PLACE: 0}
    async with engine.begin() as conn:  # the new owner
        await POSITIONS.advance(conn, {PLACE: (0, 20)})
    with pytest.raises(Fenced):
        async with engine.begin() as conn:  # the old one, with the same batch
            await POSITIONS.advance(conn, {PLACE: (0, 10)})
    async with engine.begin() as conn:
        assert await POSITIONS.load(conn, [PLACE]) == {PLACE: 20}


async def test_one_partition_that_has_moved_on_fences_the_whole_batch(engine: AsyncEngine) -> None:
    other = Place(topic="credit.events", topic_id="first-life", partition=1)
    async with engine.begin() as conn:
        await POSITIONS.load(conn, [PLACE, other])
        await POSITIONS.advance(conn, {other: (0, 5)})
    with pytest.raises(Fenced):
        async with engine.begin() as conn:
            await POSITIONS.advance(conn, {PLACE: (0, 7), other: (0, 7)})
    async with engine.begin() as conn:
        assert await POSITIONS.load(conn, [PLACE, other]) == {PLACE: 0, other: 5}


@pytest.mark.parametrize(
    ("positions", "place"),
    [
        (POSITIONS, Place(topic="credit.events", topic_id="second-life", partition=0)),
        (Positions(schema="matcher", group=POSITIONS.group, cluster="cluster-2"), PLACE),
        (Positions(schema="matcher", group="another-group", cluster="cluster-1"), PLACE),
    ],
    ids=["topic made anew", "another cluster", "another group"],
)
async def test_what_is_another_topic_though_of_the_same_name_begins_at_nought(
    engine: AsyncEngine, positions: Positions, place: Place
) -> None:
    """Interleavings 6: below a stored position of the old life, acknowledged records would be skipped."""
    async with engine.begin() as conn:
        await POSITIONS.load(conn, [PLACE])
        await POSITIONS.advance(conn, {PLACE: (0, 900)})
        assert await positions.load(conn, [place]) == {place: 0}
