"""The numbered pull feed, asked as the gateway asks."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy.exc import DBAPIError

from credithub.db.engine import text
from tests.harness.told import lift, notification, refusal, reminder, suspension
from tests.integration.notifier.conftest import Room


def told(rows: object) -> list[tuple[str, int, str | None]]:
    return [(row["lane"], row["number"], row["message"]) for row in rows]  # type: ignore[attr-defined,index]


async def test_ends_come_first_and_each_lane_counts_from_one(room: Room, agency: str) -> None:
    await room.register(agency, "pull")
    await room.take(notification(agency=agency), suspension(1, agency=agency, obligation="obl_two"))
    page = await room.pull(agency)
    assert told(page) == [("ends", 1, "obl_two.1.1"), ("rest", 1, "obl_one.1.1")]
    assert page[1]["payload"]["measure"]["id"] == "M-01"  # type: ignore[index]
    assert {row["epoch"] for row in page} == {1}


async def test_an_answer_is_an_attempt_and_a_later_cursor_makes_it_delivered(room: Room, agency: str) -> None:
    await room.register(agency, "pull")
    await room.take(notification(agency=agency))
    await room.pull(agency)
    assert await room.deliveries() == {("obl_one.1.1", "pull"): "in-flight"}
    await room.pull(agency)
    assert len(await room.database.rows("SELECT 1 FROM notifier.attempts")) == 1, "asked again, begun once"
    assert await room.pull(agency, 0, 1) == []
    assert await room.deliveries() == {("obl_one.1.1", "pull"): "delivered"}
    assert [(r["outcome"], r["channel"]) for r in await room.reports()] == [("delivered", "pull")]
    tries = await room.database.rows("SELECT channel, outcome FROM notifier.attempts_v")
    assert [tuple(row.values()) for row in tries] == [("pull", "delivered")]


async def test_a_lift_after_an_answer_is_owed_for_the_agency_may_hold(room: Room, agency: str) -> None:
    await room.register(agency, "pull")
    await room.take(notification(1, agency=agency))
    await room.pull(agency)
    assert await room.take(lift(2, agency=agency)) == {"owed": 1}
    assert told(await room.pull(agency)) == [("ends", 1, "obl_one.1.2"), ("rest", 1, None)]


async def test_a_lift_before_any_answer_leaves_numbers_that_say_nothing(room: Room, agency: str) -> None:
    await room.register(agency, "pull")
    await room.take(notification(1, agency=agency))
    await room.take(lift(2, agency=agency))
    page = await room.pull(agency)
    assert told(page) == [("ends", 1, None), ("rest", 1, None)]
    assert [(row["payload"], row["kind"]) for row in page] == [(None, "void"), (None, "void")]


async def test_an_open_answer_never_holds_up_the_other_channel(room: Room, agency: str) -> None:
    await room.register(agency, "kafka", "pull")
    await room.take(notification(1, agency=agency))
    await room.pull(agency)
    await room.take(suspension(2, agency=agency))
    await room.deliver()
    assert room.kafka.messages() == ["obl_one.1.2"]


async def test_pages_are_cut_at_the_limit_and_go_on_without_a_gap(room: Room, agency: str) -> None:
    await room.register(agency, "pull")
    await room.take(*(notification(agency=agency, obligation=f"obl_{n}") for n in range(5)))
    await room.take(*(suspension(1, agency=agency, obligation=f"obl_e{n}") for n in range(3)))
    seen, ends, rest = [], 0, 0
    while page := await room.pull(agency, ends, rest, limit=2):
        seen += [(row["lane"], row["number"]) for row in page]
        ends = max([ends, *(n for lane, n in seen if lane == "ends")])
        rest = max([rest, *(n for lane, n in seen if lane == "rest")])
    assert seen == [("ends", n) for n in (1, 2, 3)] + [("rest", n) for n in (1, 2, 3, 4, 5)]
    assert set((await room.deliveries()).values()) == {"delivered"}


async def test_a_cursor_of_another_epoch_or_ahead_of_us_is_told_to_begin_again(room: Room, agency: str) -> None:
    await room.register(agency, "pull")
    await room.take(notification(agency=agency))
    assert told(await room.pull(agency, 0, 1, epoch=7)) == [("resync", 0, None)]
    assert told(await room.pull(agency, 5, 0)) == [("resync", 0, None)]
    assert told(await room.pull(agency, epoch=None)) == [("rest", 1, "obl_one.1.1")]
    assert await room.deliveries() == {("obl_one.1.1", "pull"): "in-flight"}


async def test_who_did_not_choose_to_pull_gets_numbers_only(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    await room.take(notification(agency=agency))
    assert told(await room.pull(agency)) == [("rest", 1, None)]
    assert await room.pull("nobody-130822") == []


async def test_a_refusal_is_served_whatever_became_of_its_obligation(room: Room, agency: str) -> None:
    await room.register(agency, "pull")
    await room.take(refusal(agency=agency), notification(agency=agency))
    assert told(await room.pull(agency)) == [("rest", 1, "refused.1"), ("rest", 2, "obl_one.1.1")]


async def test_an_answer_rolled_back_was_never_given(room: Room, agency: str) -> None:
    await room.register(agency, "pull")
    await room.take(notification(1, agency=agency))
    async with room.gateway.connect() as conn:
        await conn.execute(text("SELECT * FROM notifier.pull(:agency, 1, 0, 0, 10)"), {"agency": agency})
        await conn.rollback()
    assert await room.take(lift(2, agency=agency)) == {"cancelled": 1}


async def test_a_pull_and_a_lift_at_once_end_either_way_but_never_both(room: Room, agency: str) -> None:
    """Either the agency may hold and is owed the lift, or it got nothing and all is cancelled."""
    await room.register(agency, "pull")
    for n in range(20):
        obligation = f"obl_{n}"
        await room.take(notification(1, agency=agency, obligation=obligation))
        page, counts = await asyncio.gather(
            room.pull(agency, rest=n, ends=n), room.take(lift(2, agency=agency, obligation=obligation))
        )
        got = [row["message"] for row in page]
        assert (f"{obligation}.1.1" in got) == ("owed" in counts), (got, counts)


async def test_the_gateway_can_write_nothing_but_through_the_feed(room: Room) -> None:
    async with room.gateway.connect() as conn:
        with pytest.raises(DBAPIError, match="permission denied"):
            await conn.execute(text("UPDATE notifier.deliveries SET state = 'delivered'"))
        await conn.rollback()
        with pytest.raises(DBAPIError, match="permission denied"):
            await conn.execute(text("SELECT notifier.pull_passed('x', 1, 0, 0)"))


async def test_a_suspension_that_was_answered_is_an_attempt_and_its_resumption_and_lift_are_owed(
    room: Room, agency: str
) -> None:
    """Interleavings 30: the trigger was never asked for, and what was answered never holds up what is newer."""
    await room.register(agency, "pull")
    await room.take(notification(1, agency=agency))
    await room.take(suspension(2, agency=agency))
    assert told(await room.pull(agency)) == [("ends", 1, "obl_one.1.2"), ("rest", 1, None)]
    assert await room.take(notification(3, agency=agency, kind="resumed")) == {"owed": 1}
    assert told(await room.pull(agency)) == [("ends", 1, None), ("rest", 1, None), ("rest", 2, "obl_one.1.3")]
    assert await room.take(lift(4, agency=agency)) == {"owed": 1}
    assert told(await room.pull(agency, 1, 2)) == [("ends", 2, "obl_one.1.4")]


async def test_a_reminder_has_a_number_of_its_own_and_is_empty_once_a_newer_version_is_there(
    room: Room, agency: str
) -> None:
    await room.register(agency, "pull")
    await room.take(suspension(1, agency=agency))
    await room.pull(agency)
    await room.take(reminder(1, agency=agency, state="suspended"))
    assert told(await room.pull(agency, 1, 0)) == [("ends", 2, "rem.obl_one.1")]
    await room.take(lift(2, agency=agency))
    assert told(await room.pull(agency)) == [("ends", 1, None), ("ends", 2, None), ("ends", 3, "obl_one.1.2")]
