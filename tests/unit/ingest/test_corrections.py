"""Understands that what a record says from now on is read and held to its schema as the record itself was."""

from __future__ import annotations

from typing import Any

import pytest

from credithub.domain.events import content_of
from tests.unit.ingest.judging import example, refused, taken

PENALTY = {
    "offence": "未按时公示年度报告", "facts": "未公示", "basis": "条例", "category": "罚款", "content": "罚款2000元",
    "fine_yuan": "2000.00", "valid_to": "2099-12-31", "severity": "slight",
}  # fmt: skip


def correction(**changes: Any) -> dict[str, Any]:
    return example("record.corrected", "fine", **({"correction__data": {"penalty": PENALTY}} | changes))


@pytest.mark.requirement("R221")
def test_a_correction_is_brought_to_the_form_that_its_record_has() -> None:
    said = taken("record.corrected", correction()).data["correction"]
    again = taken("penalty.imposed", example("penalty.imposed", "fine", penalty=PENALTY))
    assert said["data"] == {"penalty": again.data["penalty"]}
    assert said["data"]["penalty"]["valid_to"] is None


def test_a_later_export_of_the_corrected_fact_is_the_same_fact() -> None:
    """What the matcher keeps as the record's content after a correction is what an export of it will have."""
    original = taken("penalty.imposed", example("penalty.imposed", "fine"))
    said = taken("record.corrected", correction()).data["correction"]
    later = taken("penalty.imposed", example("penalty.imposed", "fine", penalty=PENALTY))
    assert later.content != original.content
    assert content_of(said["kind"], original.name, original.document, said["data"]) == later.content


@pytest.mark.parametrize("kind", ["record.corrected", "objection.closed"])
def test_a_fault_in_a_correction_is_named_where_it_is(kind: str) -> None:
    name, at = ("fine", "correction") if kind == "record.corrected" else ("upheld-corrected", "closing.correction")
    path = at.replace(".", "__")

    def found(**changes: Any) -> set[tuple[str, str | None]]:
        return refused(kind, example(kind, name, **{f"{path}__{place}": value for place, value in changes.items()}))

    assert found(data__penalty__offence=...) == {("required-missing", f"{at}.data.penalty.offence")}
    assert found(data__penalty__fine_yuan="-1") == {("amount-negative", f"{at}.data.penalty.fine_yuan")}
    assert found(data__penalty__severity="severe") == {("enumeration-unknown", f"{at}.data.penalty.severity")}
    assert found(data__penalty=...) == {("required-missing", f"{at}.data.penalty")}
    assert found(data__subject={"name": "别人"}) == {("field-unknown", f"{at}.data.subject")}
    assert found(data=[]) == {("type-wrong", f"{at}.data")}
    assert found(kind="subject.changed") == {("enumeration-unknown", f"{at}.kind")}
    assert found(kind="licence.granted") >= {("required-missing", f"{at}.data.licence")}


def test_a_correction_cannot_turn_a_record_into_another() -> None:
    licence = {"licence": {"category": "普通", "content": "采矿许可"}}
    data = correction(correction__kind="licence.granted", correction__data=licence)
    assert refused("record.corrected", data) == {("correction-mismatch", "correction.kind")}
    by_id = data | {"record": {"id": "rec_2kq7x4m9"}}  # the matcher sees what kind it is
    assert taken("record.corrected", by_id).item == ""


def test_a_listing_is_corrected_only_into_one_that_could_have_been_decided() -> None:
    listing = example("list.entered", "market")["listing"]
    record = {"item": "serious-dishonesty-market", "number": "兴市监列〔2026〕3号"}
    said = {"kind": "list.entered", "data": {"listing": listing}, "reason": "事由有误"}
    taken("record.corrected", example("record.corrected", "fine", record=record, correction=said))
    bare = {name: value for name, value in listing.items() if name != "remedies"}
    data = example("record.corrected", "fine", record=record, correction=said | {"data": {"listing": bare}})
    assert refused("record.corrected", data) == {("listing-part-missing", "correction.data.listing.remedies")}


def test_a_correction_may_find_that_there_was_nothing_to_record() -> None:
    tolerance = {"ground": "slight", "text": "首次且已改正"}
    said = taken("record.corrected", correction(correction__data__tolerance=tolerance)).data["correction"]
    assert said["data"]["tolerance"] == tolerance
    data = correction(correction__data__tolerance=tolerance | {"ground": "minor"})
    assert refused("record.corrected", data) == {("minor", "correction.data.tolerance.ground")}


def test_a_person_in_a_correction_is_found_in_no_outcome() -> None:
    number = "110101199003070038"
    said = taken("record.corrected", correction(correction__data__penalty__facts=f"张某（{number}）未公示"))
    assert number not in repr(said)
    assert number not in repr(refused("record.corrected", correction(correction__data__penalty__secret=number)))


def test_no_correction_says_more_than_the_schema_knows() -> None:
    data = correction(correction__content="0" * 64)
    assert refused("record.corrected", data) == {("field-unknown", "correction.content")}
