"""What a restore of yesterday's dump must not break: no lift is dropped as old, and whoever is in doubt is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from credithub import topics
from credithub.db import restores
from credithub.domain.notifications import Notification, message_id
from credithub.embedded import pgtools
from credithub.embedded.restore import marks
from credithub.errors import CreditHubError
from tests.harness.facts import debtor, registration, removal
from tests.harness.told import notification
from tests.integration.keeping.conftest import AGENCY, OTHER, Town

ORG = "PDY900077"


async def obligations(town: Town) -> dict[str, tuple[str, tuple[int, int]]]:
    rows = await town.rows("SELECT obligation, state, epoch, version FROM matcher.obligations")
    return {str(r["obligation"]): (str(r["state"]), (r["epoch"], r["version"])) for r in rows}  # type: ignore[misc]


async def held(town: Town) -> set[str]:
    return {str(r["obligation"]) for r in await town.rows("SELECT obligation FROM hub.still_holding_v")}


async def catching_up(town: Town) -> bool:
    async with town.room.engine.connect() as conn:
        return await restores.catching_up(conn)


@pytest.mark.requirement("R243")
async def test_no_lift_is_dropped_as_old_though_its_version_was_given_out_before(town: Town) -> None:
    await town.day(registration(ORG), debtor("执1"))
    yesterday = await town.dump()
    await town.day(removal("执1"))
    before = {name: dict(desk.newest) for name, desk in town.desks.items()}
    assert {state for desk in before.values() for _, state in desk.values()} == {"lifted"}
    await town.restore(yesterday, epoch=2)
    assert {state for state, _ in (await obligations(town)).values()} == {"triggered"}
    await while_catching_up(town)
    await town.catch_up()
    for name, desk in town.desks.items():
        assert not desk.holds()
        assert desk.newest.keys() == before[name].keys()
        assert all(version[0] == 2 for version, _ in desk.newest.values()), "heard, above what it had"
    assert {state for state, _ in (await obligations(town)).values()} == {"lifting"}
    assert await held(town) == set(await obligations(town))
    await once_caught_up(town)


async def while_catching_up(town: Town) -> None:
    """The clock rests, who holds what is unknown, and what the notifier meets is evidence and never sent."""
    await town.settle()
    assert await catching_up(town)
    seen = await town.rows("SELECT epoch, behind, caught_up_at FROM hub.catching_up_v")
    assert [(row["epoch"], row["caught_up_at"]) for row in seen] == [(2, None)]
    assert seen[0]["behind"] == 1 + len(await obligations(town))
    sent = len(town.room.kafka.got)
    await town.notify()  # before the matcher has read anything again
    assert len(town.room.kafka.got) == sent
    rows = await town.rows("SELECT last_error FROM notifier.deliveries WHERE state = 'dropped'")
    assert {row["last_error"] for row in rows} == {"of a timeline that a restore cut off"}
    above = await town.rows("SELECT above_epoch, above_version FROM notifier.evidence_v")
    assert {(row["above_epoch"], row["above_version"]) for row in above} == {(1, 2)}
    assert await town.settle() == 0, "nothing is issued again before all is read"


async def once_caught_up(town: Town) -> None:
    """All of it is over, but a cursor of the time before."""
    assert not await catching_up(town)
    assert await town.rows("SELECT epoch FROM hub.catching_up_v") == []
    found = await town.report()
    assert found.caught_up_at
    assert found.settled_at
    assert [row["lane"] for row in await town.room.pull(OTHER, 0, 1, epoch=1)] == ["resync"]
    assert {row["lane"] for row in await town.room.pull(OTHER, epoch=None)} == {"ends", "rest"}


async def test_what_came_after_the_dump_is_made_again_under_the_same_ids(town: Town) -> None:
    await town.day(registration(ORG))
    yesterday = await town.dump()
    await town.day(debtor("执1"))
    before = set(await obligations(town))
    assert len(before) > 1
    newcomer = await town.room.register("newcomer-130822", "kafka")  # the dump does not know it
    told = {"agency": newcomer, "obligation": "obl_new", "message": "obl_new.1.1"}
    town.logs[topics.NOTIFICATIONS.name].append(notification(**told).to_bytes())
    await town.restore(yesterday, epoch=2)
    assert await obligations(town) == {}
    await town.catch_up()
    after = await obligations(town)
    assert set(after) == before
    assert {version for _, version in after.values()} == {(2, 1)}
    orphans = [(one.agency, one.registered, one.count("orphan")) for one in (await town.report()).agencies]
    assert orphans == [(AGENCY, True, 0), (OTHER, True, 0), (newcomer, False, 1)]


async def test_what_no_input_will_bring_again_is_issued_again_and_what_may_have_begun_counts(town: Town) -> None:
    await town.day(registration(ORG), debtor("执1"))
    town.logs[topics.EVENTS.name].append(debtor("执2").to_bytes())
    await town.match()
    await town.take_rest()  # taken, and nothing begun
    unbegun = set(await obligations(town)) - town.desks[AGENCY].holds() - town.desks[OTHER].holds()
    assert unbegun
    yesterday = await town.dump()
    await town.notify()  # the agencies are told after the dump
    lost = next(one for one in told(town) if one.agency == AGENCY and one.obligation not in unbegun)
    late = {"kind": "due", "version": 2, "message": message_id(lost.obligation, 1, 2)}
    town.logs[topics.NOTIFICATIONS.name].append(replace(lost, **late).to_bytes())
    town.desks[AGENCY].hear(replace(lost, **late))
    await town.restore(yesterday, epoch=2)
    assert (await town.report()).agencies[0].count("unknown", "awaiting") == 1
    town.logs[topics.EVENTS.name].append(removal("执2").to_bytes())
    await town.catch_up()
    assert (await obligations(town))[lost.obligation] == ("triggered", (2, 2))
    assert town.desks[AGENCY].newest[lost.obligation] == ((2, 2), "triggered")
    again = next(one for one in told(town) if one.message == message_id(lost.obligation, 2, 2))
    assert (again.kind, again.reason and again.reason["code"]) == ("reissued", "restored")
    assert (await town.report()).agencies[0].count("known") == 1
    assert await town.settle() == 0, "once is enough"
    assert not unbegun & (town.desks[AGENCY].holds() | town.desks[OTHER].holds())
    assert {(await obligations(town))[one][0] for one in unbegun} == {"lifting"}, "told, not cancelled"


def told(town: Town) -> list[Notification]:
    return [Notification.from_bytes(value) for value in town.logs[topics.NOTIFICATIONS.name]]


@pytest.mark.requirement("R243")
async def test_every_agency_that_holds_what_nobody_knows_any_more_is_named(town: Town) -> None:
    await town.day(registration(ORG))
    yesterday = await town.dump()
    await town.day(debtor("执1"))
    expected = {name: desk.holds() for name, desk in town.desks.items()}
    assert all(expected.values())
    town.begins[topics.EVENTS.name] = 2  # Kafka has it no more, and the operator has accepted that
    await town.restore(yesterday, epoch=2)
    first = await town.report()
    assert [(gap["topic"], gap["from"], gap["to"]) for gap in first.gap] == [(topics.EVENTS.name, 1, 2)]  # type: ignore[index]
    assert {one.agency: {doubt.obligation for doubt in one.doubts} for one in first.agencies} == expected
    assert {doubt.now for one in first.agencies for doubt in one.doubts} == {"unknown"}
    await town.catch_up()
    found = await town.report()
    assert {one.agency: {doubt.obligation for doubt in one.doubts} for one in found.agencies} == expected
    assert found.orphans == sum(map(len, expected.values()))
    assert all(one.registered for one in found.agencies)
    orphans = {str(row["obligation"]) for row in await town.rows("SELECT obligation FROM hub.orphans_v")}
    assert orphans == set[str]().union(*expected.values())


async def test_a_restore_that_fails_leaves_the_database_as_it_was(town: Town, tmp_path: Path) -> None:
    yesterday = await town.dump()
    await town.day(registration(ORG), debtor("执1"))
    before = await obligations(town)
    plan = town.plan(yesterday, 2)
    drop = "".join(f"DROP SCHEMA {schema} CASCADE;\n" for schema in plan.schemas) + "DROP TABLE schema_version;"

    with pytest.raises(CreditHubError, match="as it was"):
        pgtools.put_back(
            town.place, plan.programs, yesterday.file, server=plan.server, before=drop,
            after=[*marks(plan), "SELECT 1 / 0;\n"],
        )  # fmt: skip
    cut = tmp_path / "cut.dump"
    cut.write_bytes(yesterday.file.read_bytes()[: yesterday.file.stat().st_size // 2])
    with pytest.raises(CreditHubError, match="as it was"):
        pgtools.put_back(town.place, plan.programs, cut, server=plan.server, before=drop, after=marks(plan))
    assert await obligations(town) == before
    assert [row["epoch"] for row in await town.rows("SELECT epoch FROM hub.epoch")] == [1]
