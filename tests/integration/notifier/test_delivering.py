"""Attempts: begun before they leave, concluded once, held up by nobody."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from services.notifier.channels import by_name
from services.notifier.rules import Backoff
from services.notifier.store import trying
from services.notifier.store.connection import transaction
from tests.harness.channels import FakeChannel
from tests.harness.eventually import eventually
from tests.harness.told import lift, notification, refusal, suspension
from tests.integration.notifier.conftest import Room

AT_ONCE = Backoff(first=timedelta(0), most=timedelta(0))


async def begun(room: Room) -> list[str]:
    rows = await room.database.rows("SELECT unnest(begun) AS channel FROM notifier.tasks")
    return [str(row["channel"]) for row in rows]


async def test_what_the_channel_confirms_is_delivered_and_the_matcher_hears_of_it(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    await room.take(notification(agency=agency))
    await room.deliver()
    assert await room.deliveries() == {("obl_one.1.1", "kafka"): "delivered"}
    assert [(r["outcome"], r["channel"]) for r in await room.reports()] == [("delivered", "kafka")]
    tries = await room.database.rows("SELECT channel, outcome FROM notifier.attempts_v")
    assert [tuple(row.values()) for row in tries] == [("kafka", "delivered")]


async def test_an_attempt_is_written_down_before_the_channel_is_called(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    await room.take(notification(agency=agency))
    room.kafka.silent.add(agency)
    one = room.deliverer()
    await one.run_once()
    await eventually(lambda: room.kafka.got, within=5)
    assert await room.deliveries() == {("obl_one.1.1", "kafka"): "in-flight"}
    assert await begun(room) == ["kafka"]
    room.kafka.release.set()
    await one.drain()


async def test_an_unknown_outcome_is_tried_again_with_the_same_id(room: Room, agency: str) -> None:
    room.kafka = FakeChannel("kafka", AT_ONCE, ["unknown"])
    await room.register(agency, "kafka")
    await room.take(notification(agency=agency))
    await room.deliver()
    assert await room.deliveries() == {("obl_one.1.1", "kafka"): "failed"}
    await room.deliver()
    assert room.kafka.messages() == ["obl_one.1.1", "obl_one.1.1"]
    assert await room.deliveries() == {("obl_one.1.1", "kafka"): "delivered"}


async def test_what_would_never_succeed_is_parked_visibly(room: Room, agency: str) -> None:
    room.kafka = FakeChannel("kafka", AT_ONCE, ["refused"])
    await room.register(agency, "kafka")
    await room.take(notification(agency=agency))
    await room.deliver()
    assert await room.deliveries() == {("obl_one.1.1", "kafka"): "parked"}
    assert [r["outcome"] for r in await room.reports()] == ["parked"]


async def test_an_agency_that_does_not_answer_holds_nobody_up(room: Room, agency: str) -> None:
    deaf = await room.register("tdeaf-130822", "kafka")
    await room.register(agency, "kafka")
    room.kafka.silent.add(deaf)
    await room.take(*(notification(agency=deaf, obligation=f"obl_d{n}") for n in range(300)))
    one = room.deliverer()
    await one.run_once()
    await room.take(notification(agency=agency))
    await one.run_once()
    await eventually(lambda: "obl_one.1.1" in room.kafka.messages(), within=5)

    async def concluded() -> bool:
        await one.run_once()
        return (await room.deliveries())["obl_one.1.1", "kafka"] == "delivered"

    await eventually(concluded, within=5)
    assert len(room.kafka.got) == 251, "at most 250 of one agency are open"
    room.kafka.release.set()
    await one.drain()


async def test_ends_go_though_the_rest_of_the_same_agency_hangs(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    room.kafka.silent.add(agency)
    await room.take(*(notification(agency=agency, obligation=f"obl_{n}") for n in range(300)))
    rest, ends = room.deliverer("rest"), room.deliverer("ends")
    await rest.run_once()
    room.kafka.silent.clear()
    await room.take(suspension(2, agency=agency, obligation="obl_other"))
    await ends.run_once()
    await ends.drain()
    assert (await room.deliveries())["obl_other.1.2", "kafka"] == "delivered"
    room.kafka.release.set()
    await rest.drain()


async def test_the_newer_waits_while_an_attempt_of_the_older_is_open_and_then_goes(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    await room.take(notification(1, agency=agency))
    room.kafka.silent.add(agency)
    rest = room.deliverer("rest")
    await rest.run_once()
    await room.take(lift(2, agency=agency))
    await room.deliver()
    assert (await room.deliveries())["obl_one.1.2", "kafka"] == "due"
    room.kafka.outcomes = ["unknown"]
    room.kafka.release.set()
    await rest.drain()
    assert (await room.deliveries())["obl_one.1.1", "kafka"] == "superseded"
    await room.deliver()
    assert room.kafka.messages() == ["obl_one.1.1", "obl_one.1.2"]


async def test_no_attempt_of_a_lower_version_begins_after_the_newer_is_recorded(room: Room, agency: str) -> None:
    """The pick was made before; the row is read again under the task's lock."""
    await room.register(agency, "kafka")
    await room.take(suspension(2, agency=agency))
    await room.database.rows(  # as if a crash had left an older version due
        "INSERT INTO notifier.deliveries (agency, message, channel, obligation, epoch, version, lane, number, state)"
        " SELECT agency, 'obl_one.1.1', 'kafka', obligation, 1, 1, 'ends', number, 'due' FROM notifier.deliveries"
    )
    await room.deliver()
    assert room.kafka.messages() == ["obl_one.1.2"]
    assert (await room.deliveries())["obl_one.1.1", "kafka"] == "superseded"


async def test_attempts_of_a_process_that_died_are_ended_and_tried_again(room: Room, agency: str) -> None:
    room.kafka = FakeChannel("kafka", AT_ONCE)
    await room.register(agency, "kafka")
    await room.take(notification(agency=agency))
    async with transaction(room.engine) as conn:  # begun by somebody who is never heard of again
        lost = await trying.begin(conn, "rest", ["kafka"], full=[], each=10, most=10)
    assert await room.reaper().run_once() == 1
    assert await room.deliveries() == {("obl_one.1.1", "kafka"): "failed"}
    await room.deliver()
    assert await room.deliveries() == {("obl_one.1.1", "kafka"): "delivered"}
    late = room.deliverer()
    late._ended = [trying.Result(parcel=lost[0], outcome="failed")]  # the dead one wakes and tells its outcome
    await late.run_once()
    assert await room.deliveries() == {("obl_one.1.1", "kafka"): "delivered"}
    assert len(await room.reports()) == 1


async def test_two_loops_never_begin_the_same_delivery(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    await room.take(*(notification(agency=agency, obligation=f"obl_{n}") for n in range(200)))
    await room.take(*(refusal(f"refused.{n}", agency=agency) for n in range(20)))
    loops = [room.deliverer() for _ in range(3)]
    for _ in range(5):
        await asyncio.gather(*(one.run_once() for one in loops))
    await asyncio.gather(*(one.drain() for one in loops))
    assert len(room.kafka.messages()) == len(set(room.kafka.messages())) == 220


async def test_a_channel_nobody_serves_is_left_alone(room: Room, agency: str) -> None:
    await room.register(agency, "kafka")
    await room.take(notification(agency=agency))
    one = room.deliverer()
    one.channels = by_name()
    assert await one.run_once() == 0
