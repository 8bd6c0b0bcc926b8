"""Understands laws 1 to 3 in the archive: nothing lost, nothing twice, in the subject's order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.harness.facts import LICENCE, debtor, fact, registration, removal

if TYPE_CHECKING:
    from tests.integration.matcher.conftest import Matcher


async def test_the_same_entry_in_another_submission_is_a_duplicate(matcher: Matcher) -> None:
    one = fact()
    assert await matcher.take(one) == {"archived": 1}
    again = replace(one, submission="sub_again", index=7)
    assert await matcher.take(again) == {"duplicate": 1}


@pytest.mark.requirement("R075")
async def test_the_very_same_message_again_changes_nothing(matcher: Matcher) -> None:
    one = fact()
    await matcher.take(one)
    assert await matcher.take(one, one) == {}
    assert await matcher.count("SELECT count(*) FROM matcher.entry_states_v") == 1


async def test_the_same_id_with_other_content_is_refused_as_conflict_and_the_supplier_sees_it(matcher: Matcher) -> None:
    one = fact()
    await matcher.take(one)
    other = replace(one, submission="sub_other", digest="another")
    assert await matcher.take(other) == {"refused": 1}
    assert (
        await matcher.count('SELECT count(*) FROM matcher.quarantine_v WHERE reasons @> \'[{"code": "conflict"}]\'')
        == 1
    )


async def test_a_repeat_for_another_subject_is_caught_although_it_lies_in_another_partition(matcher: Matcher) -> None:
    one = fact(org="PDY900077")
    await matcher.take(one)
    moved = replace(one, organisation_code="PDY900018", submission="sub_b", digest="another")
    assert await matcher.take(moved) == {"refused": 1}


async def test_twice_in_one_batch_is_archived_once(matcher: Matcher) -> None:
    one = fact()
    twice = replace(one, submission="sub_b")
    assert await matcher.take(one, twice) == {"archived": 1, "duplicate": 1}


async def test_the_same_fact_under_a_new_id_is_a_duplicate_and_may_be_sent_again(matcher: Matcher) -> None:
    one = fact()
    await matcher.take(one)
    export = replace(one, id="next-weeks-row", submission="sub_b")
    assert await matcher.take(export) == {"duplicate": 1}
    assert await matcher.take(replace(export, submission="sub_c")) == {"duplicate": 1}


async def test_other_content_of_a_known_fact_is_a_new_version_from_its_owner(matcher: Matcher) -> None:
    one = fact()
    await matcher.take(one)
    better = replace(one, id="corrected", submission="sub_b", content="changed", data={**LICENCE, "remarks": "更正"})
    assert await matcher.take(better) == {"archived": 1}
    assert await matcher.count("SELECT version FROM matcher.records") == 2
    assert await matcher.count("SELECT count(*) FROM matcher.record_versions") == 1


async def test_other_content_of_a_known_fact_is_a_conflict_from_another_source(matcher: Matcher) -> None:
    one = fact()
    await matcher.take(one)
    witness = replace(one, id="w", source="//samr-130822/x", supplier="samr-130822", submission="sub_b")
    assert await matcher.take(witness) == {"duplicate": 1}
    assert await matcher.take(replace(witness, id="v", submission="sub_c", content="changed")) == {"refused": 1}


async def test_a_subjects_records_carry_the_order_of_its_row(matcher: Matcher) -> None:
    await matcher.take(*(fact(number=f"甲{n}") for n in range(5)))
    await matcher.take(*(fact(number=f"乙{n}") for n in range(5)))
    assert await matcher.count("SELECT count(DISTINCT seq) FROM matcher.records") == 10
    assert await matcher.count("SELECT seq FROM matcher.subjects") == 10


async def test_an_event_by_a_registration_number_waits_and_is_matched_when_the_register_speaks(
    matcher: Matcher,
) -> None:
    number = ("registration_number", "130800000000016")
    early = [fact(org=None, legacy=(number,)) for _ in range(3)]
    assert await matcher.take(*early) == {"waiting-subject": 3}
    assert await matcher.take(registration("PDY900077", legacy=(number,))) == {"archived": 4}
    order = "SELECT bool_and(ordered) FROM (SELECT id > lag(id, 1, '') OVER (ORDER BY seq) AS ordered"
    assert await matcher.count(f"{order} FROM matcher.records WHERE item = 'licence') AS x") == 1
    assert await matcher.count("SELECT count(*) FROM matcher.waiting") == 0


async def test_an_event_and_its_registration_in_one_batch_meet_in_either_order(matcher: Matcher) -> None:
    number = ("registration_number", "130800000000016")
    assert await matcher.take(registration("PDY900077", legacy=(number,)), fact(org=None, legacy=(number,))) == {
        "waiting-subject": 1,
        "archived": 2,
    }
    assert await matcher.take(fact(org=None, legacy=(number,))) == {"archived": 1}


async def test_a_registration_and_its_waiter_at_once_never_miss_each_other(matcher: Matcher) -> None:
    """Interleavings 7: in two transactions at the same time, ten times over."""
    numbers = [("registration_number", f"1308000000{n:05d}") for n in range(10)]
    await asyncio.gather(
        *(matcher.take(fact(org=None, legacy=(number,))) for number in numbers),
        *(matcher.take(registration("PDY900077", legacy=(number,))) for number in numbers),
    )
    assert await matcher.count("SELECT count(*) FROM matcher.waiting") == 0
    assert await matcher.count("SELECT count(*) FROM matcher.records WHERE item = 'licence'") == 10


async def test_a_waiting_entry_sent_again_is_a_duplicate(matcher: Matcher) -> None:
    early = fact(org=None, legacy=(("registration_number", "130800000000016"),))
    await matcher.take(early)
    assert await matcher.take(replace(early, submission="sub_b")) == {"duplicate": 1}


async def test_a_name_alone_never_matches(matcher: Matcher) -> None:
    await matcher.take(registration("PDY900077"))
    assert await matcher.take(fact(org=None, name="演示公司")) == {"waiting-subject": 1}


async def test_a_removal_before_its_listing_waits_and_annuls_it_on_arrival(matcher: Matcher) -> None:
    await matcher.take(registration("PDY900077"))
    assert await matcher.take(removal("执1")) == {"waiting-record": 1}
    assert await matcher.take(debtor("执1")) == {"archived": 2}
    assert await matcher.states() == {}
    assert await matcher.count("SELECT count(*) FROM matcher.records WHERE state = 'removed'") == 1
    assert await matcher.count("SELECT count(*) FROM matcher.entries WHERE outcome <> 'archived'") == 0


async def test_a_removed_listing_does_not_act_again_when_it_is_sent_anew(matcher: Matcher) -> None:
    await matcher.take(registration("PDY900077"))
    listing = debtor("执1")
    await matcher.take(listing)
    await matcher.take(removal("执1"))
    assert await matcher.take(replace(listing, id="anew", submission="sub_b", content="changed")) == {"duplicate": 1}
    assert await matcher.states() == {"lifting": 81}
