"""A fan-out of 1 000 that is withdrawn on its way, with matcher and notifier killed at every step of it."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from credithub.crashpoints import POINTS
from credithub.domain.events import CreditEvent
from tests.harness.eventually import eventually
from tests.harness.facts import fact, registration
from tests.harness.lives import withdrawn
from tests.integration.notifier.conftest import Room
from tests.integration.notifier.fan import AGENCIES, MEASURES, Fan

OBLIGATIONS = AGENCIES * MEASURES
MATCHER = (
    "matcher.after_write_before_commit", "matcher.after_commit",
    "relay.after_read_before_send", "relay.after_send_before_mark", "relay.after_mark",
)  # fmt: skip
NOTIFIER = (
    "notifier.after_take_before_commit", "notifier.after_write_before_commit", "notifier.after_commit",
    "notifier.after_begin_before_send", "notifier.after_send_before_conclude", "notifier.after_conclude",
    "relay.after_read_before_send", "relay.after_send_before_mark", "relay.after_mark",
)  # fmt: skip
ELSEWHERE = ("gateway.", "ingest.")  # before the record is known
APART = ("feedback", "revoke", "topics", "users", "rights")  # answers, and the registry's work in Kafka
LEASE = 25.0  # seconds after which an attempt whose process died is over, and a little more


@pytest.fixture
async def fan(room: Room, tmp_path: Path) -> AsyncIterator[Fan]:
    made = Fan(room, tmp_path)
    await made.prepare()
    yield made
    await made.close()


def penalty(fan: Fan, org: str) -> CreditEvent:
    said = {"penalty": {"offence": "违法行为", "category": "罚款"}}
    return fact("penalty.imposed", "penalty", org=org, data=said, catalogue=fan.catalogue.version)


async def begins(fan: Fan, org: str, record: CreditEvent) -> None:
    await fan.happens(registration(org, seat=fan.division, catalogue=fan.catalogue.version), record)


def test_every_point_on_the_way_of_a_fan_out_is_struck() -> None:
    on_the_way = {p for p in POINTS if not p.startswith(ELSEWHERE) and not any(word in p for word in APART)}
    assert on_the_way == {*MATCHER, *NOTIFIER}


@pytest.mark.timeout(300)
async def test_killed_at_any_step_exactly_those_to_whom_an_attempt_was_begun_are_lifted(fan: Fan) -> None:
    seed = secrets.randbelow(10**9)
    print(f"fan-out: seed {seed}")
    await struck_at_every_point(fan)
    await struck_at_random(fan, random.Random(seed))
    await fan.settled(within=LEASE + 40)
    await fan.ask()
    await check(fan)


async def struck_at_every_point(fan: Fan) -> None:
    """The notifier dies while triggers go out; while the withdrawal follows them, both die at one point after another."""
    record = penalty(fan, "PDY900077")
    await begins(fan, "PDY900077", record)
    await fan.matcher.start()
    await fan.notifier.dies_at("notifier.after_begin_before_send:3")
    await eventually(lambda: fan.count("matcher.outbox WHERE published"), lambda n: n == OBLIGATIONS, within=40)
    await fan.matcher.kill()
    await fan.ask()
    await fan.happens(withdrawn(record, catalogue=fan.catalogue.version))
    async with asyncio.TaskGroup() as both:
        both.create_task(one_after_another(fan, "matcher"))
        both.create_task(one_after_another(fan, "notifier"))


async def one_after_another(fan: Fan, name: str) -> None:
    program, points = (fan.matcher, MATCHER) if name == "matcher" else (fan.notifier, NOTIFIER)
    for point in points:
        await program.dies_at(point)
    await program.start()


async def struck_at_random(fan: Fan, luck: random.Random) -> None:
    """Three moments that nobody chose, of a fan-out that is withdrawn while its triggers go out."""
    before = len(await fan.begun())
    record = penalty(fan, "PDY900085")
    await begins(fan, "PDY900085", record)
    await eventually(fan.begun, lambda found: len(found) > before, within=40)
    await fan.happens(withdrawn(record, catalogue=fan.catalogue.version))
    for program in (fan.notifier, fan.matcher, fan.notifier):
        await program.kill(after=luck.random())
        await program.start()


async def check(fan: Fan) -> None:
    begun, states = await fan.begun(), await fan.states()
    assert len(states) == 2 * OBLIGATIONS
    assert {o for o, state in states.items() if state == "lifting"} == begun
    assert {o for o, state in states.items() if state == "cancelled"} == states.keys() - begun
    assert 0 < len(begun) < len(states), "some were begun and some were not"
    assert await fan.attempted() == begun, "nobody else was told anything"
    held = await fan.room.database.rows("SELECT obligation FROM hub.still_holding_v")
    assert {str(row["obligation"]) for row in held} == begun
    await check_what_was_heard(fan, begun)


async def check_what_was_heard(fan: Fan, begun: set[str]) -> None:
    """By topic and by feed: never a lower version after a higher, and whoever was begun hears the lift."""
    newest: dict[str, int] = defaultdict(int)
    lifted: set[str] = set()
    for obligation, version, state, _ in await fan.heard():
        assert version >= newest[obligation], "a lower version after a higher one"
        newest[obligation] = version
        lifted |= {obligation} if state == "lifted" else set()
    for pages in fan.asked.values():
        seen: dict[str, int] = defaultdict(int)
        for row in (row for row in pages if row["payload"]):
            told = dict(row["payload"])  # type: ignore[call-overload]
            assert told["version"] >= seen[told["obligation"]], "a lower version after a higher one"
            seen[told["obligation"]] = told["version"]
            lifted |= {told["obligation"]} if told["state"] == "lifted" else set()
    assert lifted == begun, "everybody who may hold has heard the end, and nobody else"
    for agency in fan.silent:
        assert {row["kind"] for row in await fan.room.pull(agency, limit=1000)} == {"void"}
