"""An agency changes its channels; what it has not got yet follows it there."""

from __future__ import annotations

from services.notifier.bell import Bell
from services.notifier.follow import Follower
from tests.harness.told import lift, notification, reminder, suspension
from tests.integration.notifier.conftest import Room

AVAILABLE = frozenset({"kafka", "pull"})


def follower(room: Room) -> Follower:
    return Follower(room.engine, AVAILABLE, [Bell()])


async def test_what_was_parked_for_want_of_a_channel_goes_when_there_is_one(room: Room, agency: str) -> None:
    await room.register(agency)
    await room.take(notification(agency=agency))
    await room.register(agency, "kafka")
    assert await follower(room).run_once() == 1
    await room.deliver()
    assert await room.deliveries() == {("obl_one.1.1", "-"): "superseded", ("obl_one.1.1", "kafka"): "delivered"}
    assert await follower(room).run_once() == 0


async def test_an_undelivered_version_follows_to_the_pull_feed_under_a_new_number(room: Room, agency: str) -> None:
    """The reader's cursor may have passed the old one."""
    await room.register(agency, "kafka")
    await room.take(notification(agency=agency), suspension(1, agency=agency, obligation="obl_two"))
    await room.register(agency, "kafka", "pull")
    await follower(room).run_once()
    page = await room.pull(agency)
    assert [(row["lane"], row["number"], row["message"]) for row in page] == [
        ("ends", 1, None),
        ("ends", 2, "obl_two.1.1"),
        ("rest", 1, None),
        ("rest", 2, "obl_one.1.1"),
    ]
    await room.deliver()
    assert sorted(room.kafka.messages()) == ["obl_one.1.1", "obl_two.1.1"]


async def test_what_has_arrived_somewhere_does_not_follow(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    await room.take(notification(agency=agency))
    await room.deliver()
    await room.register(agency, "pull")
    await follower(room).run_once()
    assert await room.deliveries() == {("obl_one.1.1", "kafka"): "delivered"}


async def test_an_older_version_does_not_follow(room: Room, agency: str) -> None:
    await room.register(agency)
    await room.take(notification(1, agency=agency))
    await room.take(suspension(2, agency=agency))
    await room.register(agency, "pull")
    await follower(room).run_once()
    assert [row["message"] for row in await room.pull(agency)] == [None, "obl_one.1.2", None]


async def test_suspension_and_lift_follow_an_agency_to_the_channel_it_has_now(room: Room, agency: str) -> None:
    """Interleavings 31, for what must be confirmed: the newest of each, and the reminder of it."""
    room.kafka.outcomes = ["delivered", "failed", "failed"]
    await room.register(agency, "kafka")
    await room.take(*(notification(1, agency=agency, obligation=name) for name in ("obl_one", "obl_two")))
    await room.deliver()
    await room.take(suspension(2, agency=agency), lift(2, agency=agency, obligation="obl_two"))
    await room.take(reminder(2, agency=agency, state="suspended"))
    await room.deliver()
    await room.register(agency, "pull")
    await follower(room).run_once()
    found = [row["message"] for row in await room.pull(agency, 0, 2) if row["message"]]
    assert sorted(map(str, found)) == ["obl_one.1.2", "obl_two.1.2", "rem.obl_one.2"]
