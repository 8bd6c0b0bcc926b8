"""Understands what makes two submissions the same, and what an event keeps on its way over Kafka."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from credithub.domain.events import (
    KIND_OF_TYPE,
    KINDS,
    CreditEvent,
    SubmittedEntry,
    _may_hold_person_number,  # pyright: ignore[reportPrivateUsage]
    canonical,
    digest_of,
    type_of,
)
from credithub.domain.persons import contains_person_number
from credithub.domain.reasons import Reason


def a_credit_event(**changes: object) -> CreditEvent:
    values: dict[str, object] = {
        "kind": "licence.granted",
        "source": "//mnr-130822/approvals",
        "id": "2026-0001",
        "digest": "0" * 64,
        "submission": "sub_1",
        "index": 0,
        "supplier": "mnr-130822",
        "received_at": "2026-11-22T08:00:00+08:00",
        "time": None,
        "catalogue": "2026-1",
        "mapping": None,
        "item": "licence",
        "form": "event",
        "row": None,
        "file": None,
        "name": "演示甲公司",
        "unified_code": "91130800PDY900077X",
        "organisation_code": "PDY900077",
        "legacy": (("registration_number", "130800000000016"),),
        "document": {"number": "兴自然许〔2026〕1号"},
        "folded_number": "兴自然许20261号",
        "content": "1" * 64,
        "data": {"licence": {"category": "普通"}},
        "warnings": (Reason(code="DIVISION_OBSOLETE", field="/subject/unified_code", value=None, hint=None, row=None),),
    }
    return CreditEvent(**(values | changes))  # pyright: ignore[reportArgumentType]


def a_submitted_entry(**changes: object) -> SubmittedEntry:
    values: dict[str, object] = {
        "submission": "sub_1",
        "index": 3,
        "count": None,
        "supplier": "mnr-130822",
        "source": "file",
        "id": "abc:7",
        "digest": "0" * 64,
        "received_at": "2026-11-22T08:00:00+08:00",
        "form": "row",
        "catalogue": "2026-1",
        "mapping": "licence-2018/v1",
        "allowed_items": ["licence"],
        "body": {"feed": "licence-2018", "cells": {"XK_WSH": "1号"}},
        "file": {"digest": "d" * 64, "name": "许可.csv", "rows": 10},
        "row": 7,
    }
    return SubmittedEntry(**(values | changes))  # pyright: ignore[reportArgumentType]


def test_the_digest_does_not_see_the_order_of_keys() -> None:
    assert digest_of("k", "s", {"a": 1, "b": {"c": 2, "d": 3}}) == digest_of("k", "s", {"b": {"d": 3, "c": 2}, "a": 1})


@pytest.mark.parametrize(
    "other", [("other", "s", {"a": 1}), ("k", "t", {"a": 1}), ("k", None, {"a": 1}), ("k", "s", {"a": "1"})]
)
def test_the_digest_changes_with_type_subject_and_data(other: tuple[str, str | None, object]) -> None:
    assert digest_of(*other) != digest_of("k", "s", {"a": 1})


def test_parts_of_a_digest_cannot_flow_into_each_other() -> None:
    assert digest_of("ab", "c", {}) != digest_of("a", "bc", {})


@pytest.mark.parametrize(
    "number", ["110101199003070038", "110101 19900307 0038", "１１０１０１１９９００３０７００３８"]
)
def test_no_digest_can_be_searched_for_a_persons_number(number: str) -> None:
    """Two numbers, one digest: whoever tries all numbers learns nothing."""
    assert contains_person_number(number)
    other = digest_of("k", None, {"text": "负责人 110101199003070011 到场"})
    assert digest_of("k", None, {"text": f"负责人 {number} 到场"}) == other


@given(st.text(st.sampled_from('0119900307X８８ -.–年\u200b"\\a'), max_size=40))
def test_the_quick_look_never_misses_what_masking_would_hide(text: str) -> None:
    content = canonical([text, "x" + text + "110101199003070011"[: len(text)]])
    assert _may_hold_person_number(content) or not contains_person_number(content.decode())


def test_canonical_bytes_are_plain_utf_8_with_sorted_keys() -> None:
    assert canonical({"乙": 1, "a": [True, None]}) == '{"a":[true,null],"乙":1}'.encode()


def test_a_credit_event_comes_back_as_it_went() -> None:
    event = a_credit_event()
    assert CreditEvent.from_bytes(event.to_bytes()) == event


def test_a_submitted_entry_comes_back_as_it_went() -> None:
    entry = a_submitted_entry()
    assert SubmittedEntry.from_bytes(entry.to_bytes()) == entry


def test_a_field_of_a_later_version_is_passed_over() -> None:
    later = orjson.loads(a_credit_event().to_bytes()) | {"colour": "red"}
    assert CreditEvent.from_bytes(orjson.dumps(later)) == a_credit_event()
    later = orjson.loads(a_submitted_entry().to_bytes()) | {"colour": "red"}
    assert SubmittedEntry.from_bytes(orjson.dumps(later)) == a_submitted_entry()


def test_each_kind_has_its_type() -> None:
    assert type_of("judgment-debtor.listed") == "credithub.judgment-debtor.listed.v1"
    assert [KIND_OF_TYPE[type_of(kind)] for kind in KINDS] == list(KINDS)


def test_a_message_of_an_earlier_version_takes_the_default() -> None:
    earlier = orjson.loads(a_credit_event().to_bytes())
    del earlier["warnings"]
    assert CreditEvent.from_bytes(orjson.dumps(earlier)).warnings == ()


def test_a_message_that_lacks_what_it_must_have_is_named() -> None:
    broken = orjson.loads(a_submitted_entry().to_bytes())
    del broken["digest"]
    with pytest.raises(ValueError, match=r"SubmittedEntry lacks .'digest'"):
        SubmittedEntry.from_bytes(orjson.dumps(broken))
