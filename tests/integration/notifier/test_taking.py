"""What becomes of notifications in the database."""

from __future__ import annotations

import asyncio

from tests.harness.told import escalation, lift, notification, refusal, reminder, suspension
from tests.integration.notifier.conftest import Room


async def numbers(room: Room, lane: str) -> list[int]:
    rows = await room.database.rows(
        "SELECT number FROM notifier.notifications WHERE lane = $1 ORDER BY agency, number", lane
    )
    return [int(str(row["number"])) for row in rows]


async def test_a_notification_is_owed_on_every_channel_of_its_agency(room: Room, agency: str) -> None:
    await room.register(agency, "kafka", "pull")
    assert await room.take(notification(agency=agency)) == {"owed": 1}
    assert await room.deliveries() == {("obl_one.1.1", "kafka"): "due", ("obl_one.1.1", "pull"): "due"}


async def test_the_same_message_twice_has_one_row(room: Room, agency: str) -> None:
    await room.register(agency, "pull")
    await room.take(notification(agency=agency))
    assert await room.take(notification(agency=agency)) == {"repeated": 1}
    assert await numbers(room, "rest") == [1]


async def test_an_agency_without_a_channel_has_a_delivery_row_that_says_so(room: Room, agency: str) -> None:
    await room.register(agency)
    await room.take(notification(agency=agency))
    assert await room.deliveries() == {("obl_one.1.1", "-"): "parked"}
    assert [report["outcome"] for report in await room.reports()] == ["parked"]


async def test_a_lift_before_any_attempt_cancels_and_leaves_a_tombstone_that_drops_a_later_trigger(
    room: Room, agency: str
) -> None:
    await room.register(agency, "kafka")
    assert await room.take(lift(2, agency=agency)) == {"cancelled": 1}
    assert await room.take(notification(1, agency=agency)) == {"dropped": 1}
    assert await room.deliveries() == {("obl_one.1.2", "-"): "cancelled", ("obl_one.1.1", "-"): "dropped"}
    assert [(r["outcome"], r["version"]) for r in await room.reports()] == [("cancelled", 2)]
    await room.deliver()
    assert room.kafka.got == []


async def test_a_lift_in_a_later_batch_voids_what_was_never_begun(room: Room, agency: str) -> None:
    await room.register(agency, "kafka", "pull")
    await room.take(notification(1, agency=agency))
    await room.take(lift(2, agency=agency))
    assert (await room.deliveries())["obl_one.1.1", "kafka"] == "cancelled"
    voids = await room.database.rows("SELECT void FROM notifier.notifications")
    assert [row["void"] for row in voids] == [True, True]


async def test_a_lift_goes_to_every_channel_on_which_an_attempt_was_begun(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    await room.take(notification(1, agency=agency))
    await room.deliver()
    await room.register(agency, "pull")
    assert await room.take(lift(2, agency=agency)) == {"owed": 1}
    states = await room.deliveries()
    assert (states["obl_one.1.2", "kafka"], states["obl_one.1.2", "pull"]) == ("due", "due")


async def test_a_newer_version_ends_the_waiting_of_the_older_on_every_channel(room: Room, agency: str) -> None:
    await room.register(agency, "kafka", "pull")
    await room.take(notification(1, agency=agency))
    await room.take(suspension(2, agency=agency))
    states = await room.deliveries()
    assert states["obl_one.1.1", "kafka"] == states["obl_one.1.1", "pull"] == "superseded"
    assert states["obl_one.1.2", "kafka"] == states["obl_one.1.2", "pull"] == "due"


async def test_an_older_version_that_comes_late_is_dropped_and_keeps_its_number(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    await room.take(suspension(2, agency=agency))
    assert await room.take(notification(1, agency=agency)) == {"dropped": 1}
    assert (await room.deliveries())["obl_one.1.1", "-"] == "dropped"
    assert await numbers(room, "rest") == [1]


async def test_reminders_and_refusals_have_ids_of_their_own_and_end_nothing(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    await room.take(notification(1, agency=agency))
    assert await room.take(reminder(1, agency=agency), refusal(agency=agency)) == {"owed": 2}
    assert set((await room.deliveries()).values()) == {"due"}


async def test_numbers_have_no_gap_though_batches_of_many_processes_meet(room: Room, agency: str) -> None:
    await room.register(agency, "pull")
    other = await room.register("t0-130822", "pull")
    batches = [
        [notification(agency=one, obligation=f"obl_{n}_{k}") for k in range(5) for one in (agency, other)]
        for n in range(8)
    ]
    await asyncio.gather(*(room.take(*batch) for batch in batches))
    assert sorted(await numbers(room, "rest")) == sorted([*range(1, 41), *range(1, 41)])


async def test_a_reminder_goes_to_every_channel_though_the_lift_arrived(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    await room.take(notification(1, agency=agency))
    await room.deliver()
    await room.take(lift(2, agency=agency))
    await room.deliver()
    await room.register(agency, "pull")
    again = reminder(2, agency=agency, state="lifted", message="obl_one.1.2.r1")
    assert await room.take(again, again) == {"owed": 1, "repeated": 1}
    await room.deliver()
    states = await room.deliveries()
    assert (states["obl_one.1.2.r1", "kafka"], states["obl_one.1.2.r1", "pull"]) == ("delivered", "due")
    assert states["obl_one.1.2", "kafka"] == "delivered", "a reminder ends nothing"
    assert [n["message"] for n in await room.pull(agency) if n["lane"] == "ends"][-1] == "obl_one.1.2.r1"


async def test_a_reminder_of_what_is_old_by_now_is_dropped(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    await room.take(suspension(2, agency=agency), lift(3, agency=agency))
    assert await room.take(reminder(2, agency=agency, state="suspended")) == {"dropped": 1}


async def test_an_escalation_reaches_the_superior_whatever_it_was_told_before(room: Room, agency: str) -> None:
    superior = await room.register(f"{agency.rpartition('-')[0]}-130800", "kafka", "pull")
    assert await room.take(escalation(agency=superior), escalation("escalated.obl_one.2", agency=superior)) == {
        "owed": 2
    }
    await room.deliver()
    assert set(room.kafka.messages()) == {"escalated.obl_one.1", "escalated.obl_one.2"}
    assert await room.database.rows("SELECT 1 FROM notifier.tasks") == []
    assert {n["message"] for n in await room.pull(superior)} == {"escalated.obl_one.1", "escalated.obl_one.2"}
