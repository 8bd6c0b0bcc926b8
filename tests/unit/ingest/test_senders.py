"""Understands who may send which kind of event, and what an event says of the record that it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credithub import schemas
from credithub.domain.events import CreditEvent
from credithub.domain.reasons import refuses
from services.ingest.judge import Judge, Quarantined
from tests.harness.entries import an_event
from tests.unit.ingest.judging import example, judged, refused, shipped, taken

BY_ID = {"id": "rec_2kq7x4m9b3d5f8h1j6n0p2r4t7"}
DETERMINING = {
    "record.corrected": "fine", "record.withdrawn": "by-court", "record.annotated": "litigation",
    "record.deleted": "doubled", "repair.decided": "granted", "case.initiated": "two-cities",
}  # fmt: skip
ANYONE = {"objection.opened": "by-an-agency", "repair.applied": "all-done"}


@pytest.mark.requirement("R027")
@pytest.mark.parametrize(("kind", "name"), DETERMINING.items())
def test_a_change_comes_from_a_department_that_may_have_determined_the_record(kind: str, name: str) -> None:
    assert taken(kind, example(kind, name), "samr-130800").item == "penalty"
    assert refused(kind, example(kind, name), "spc-130822") == {("not-determining-department", None)}
    assert refused(kind, example(kind, name), "hub") == {("not-determining-department", None)}


@pytest.mark.parametrize(("kind", "name"), DETERMINING.items())
def test_whose_record_it_is_that_an_id_names_the_matcher_sees(kind: str, name: str) -> None:
    event = taken(kind, example(kind, name, record=BY_ID), "spc-130822", allowed_items=[])
    assert (event.item, event.target) == ("", BY_ID)


@pytest.mark.parametrize(("kind", "name"), ANYONE.items())
@pytest.mark.parametrize("supplier", ["mps-130822", "hub"])
def test_anyone_may_object_and_apply_for_repair(kind: str, name: str, supplier: str) -> None:
    assert taken(kind, example(kind, name), supplier, allowed_items=[]).supplier == supplier


def test_a_keys_items_bind_those_who_report_and_not_those_who_act_on_a_record() -> None:
    taken("record.deleted", example("record.deleted", "doubled"), allowed_items=["licence"])
    found = refused("penalty.imposed", example("penalty.imposed", "fine"), allowed_items=["licence"])
    assert ("owner-not-allowed", None) in found


def test_a_court_may_shield_what_it_did_not_determine() -> None:
    for kind, name in (("record.shielded", "reorganisation"), ("record.unshielded", "carried-out")):
        taken(kind, example(kind, name), "spc-130800")
        taken(kind, example(kind, name), "samr-130822")
        assert refused(kind, example(kind, name), "scopsr-130822") == {("not-determining-department", None)}


@pytest.mark.requirement("R224")
def test_supplier_and_collector_each_verify_for_themselves() -> None:
    supplier, collector = example("objection.verified", "supplier"), example("objection.verified", "collector")
    taken("objection.verified", supplier, "samr-130822")
    taken("objection.verified", collector, "hub")
    assert refused("objection.verified", supplier, "hub") == {("not-determining-department", None)}
    assert refused("objection.verified", collector, "samr-130822") == {("owner-not-allowed", None)}


def test_an_objection_is_closed_by_who_determined_the_record_or_by_the_hub() -> None:
    for supplier in ("samr-130822", "hub"):
        taken("objection.closed", example("objection.closed", "refused"), supplier)
    found = refused("objection.closed", example("objection.closed", "refused"), "spc-130822")
    assert found == {("not-determining-department", None)}


@pytest.mark.requirement("R084")
def test_a_division_answers_for_itself() -> None:
    answer = example("case.scope-answered", "declined")
    taken("case.scope-answered", answer, "ndrc-131000")
    assert refused("case.scope-answered", answer, "ndrc-130800") == {("scope-not-yours", None)}


def test_only_the_hub_confirms_an_identity() -> None:
    data = example("identity.confirmed", "confirmed")
    assert taken("identity.confirmed", data, "hub").role == "identity"
    assert refused("identity.confirmed", data, "samr-130822") == {("owner-not-allowed", None)}


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("subject.recoded", "unified-code"),
        ("subject.merged", "two"),
        ("subject.split", "into-two"),
        ("subject.link-reverted", "merged"),
    ],
)
def test_links_between_subjects_come_from_the_register(kind: str, name: str) -> None:
    event = taken(kind, example(kind, name))
    assert (event.role, event.item, event.organisation_code) == ("link", "registration", "PDY900077")
    assert refused(kind, example(kind, name), "mof-130822") == {("owner-not-allowed", None)}


@pytest.mark.parametrize("code", ["91130822PDY901045X", "PDY000019", "123"])
def test_the_code_of_another_subject_must_be_sound(code: str) -> None:
    for kind, name, path in (
        ("subject.recoded", "unified-code", "recoding.from"), ("subject.merged", "one", "merger.absorbed.0"),
    ):  # fmt: skip
        data = example(
            kind, name, **{path.replace(".", "__").removesuffix("__0"): [code] if "merger" in path else code}
        )
        assert {field for _, field in refused(kind, data)} == {path}


def test_a_record_is_named_by_its_id_or_by_its_document() -> None:
    by_number = taken("record.deleted", example("record.deleted", "doubled"))
    assert by_number.target == {
        "item": "penalty", "folded_number": "兴市监罚(2026)15号", "issuer": "兴隆县市场监督管理局(演示)",
        "decided_on": "2026-09-12",
    }  # fmt: skip
    short = taken("record.deleted", example("record.deleted", "doubled", record={"item": "penalty", "number": "1-2"}))
    assert short.target == {"item": "penalty", "folded_number": "1-2", "issuer": None, "decided_on": None}
    for record in ({}, {"item": "penalty"}, {"number": "1-2"}, BY_ID | {"item": "penalty", "number": "1-2"}):
        found = refused("record.deleted", example("record.deleted", "doubled", record=record))
        assert found == {("record-not-named", "record")}


def test_a_record_of_no_item_of_the_catalogue_is_nobodys() -> None:
    data = example("record.deleted", "doubled", record={"item": "divorce", "number": "1-2"})
    assert refused("record.deleted", data) == {("item-not-in-catalogue", None)}


def test_an_event_of_an_item_without_groups_has_the_role_of_its_schema_as_has_a_row() -> None:
    roles = {kind: schemas.schema(kind)["x-role"] for kind in schemas.kinds()}
    assert taken("penalty.imposed", example("penalty.imposed", "fine")).role == roles["penalty.imposed"] == "fact"
    assert roles["judgment-debtor.listed"] == "entry"
    assert roles["judgment-debtor.removed"] == "exit"


# ------------------------------------------------------------------------------------------------ the newcomer test
INSPECTION: dict[str, Any] = {
    "title": "抽查检查 / Inspection held",
    "x-kind": "inspection.held", "x-type": "credithub.inspection.held.v1", "x-role": "fact", "x-by": "owner",
    "x-item": "penalty", "x-group": "inspection", "type": "object", "additionalProperties": False,
    "required": ["subject", "document", "inspection"],
    "properties": {
        "subject": {"$ref": "../../envelope/parts.v1.json#/$defs/subject"},
        "document": {"$ref": "../../envelope/parts.v1.json#/$defs/document"},
        "inspection": {
            "type": "object", "additionalProperties": False, "required": ["held_on", "result"],
            "properties": {
                "held_on": {"$ref": "../../envelope/parts.v1.json#/$defs/past_date"},
                "closed_on": {
                    "$ref": "../../envelope/parts.v1.json#/$defs/optional_date", "x-not-before": "inspection.held_on"
                },
                "result": {"type": "string", "minLength": 1, "x-read": {"word": {"1": "合格", "0": "不合格"}}},
                "places": {"type": "array", "items": {"$ref": "../../envelope/parts.v1.json#/$defs/division"}},
            },
        },
    },
}  # fmt: skip


def test_a_stranger_adds_an_event_kind_touching_only_schemas(tmp_path: Path) -> None:
    for folder in ("envelope", "feeds"):
        (tmp_path / folder).symlink_to(schemas.schemas_dir() / folder)
    (tmp_path / "events" / "inspection.held").mkdir(parents=True)
    (tmp_path / "events" / "penalty.imposed").symlink_to(schemas.schemas_dir() / "events" / "penalty.imposed")
    for kind in ("licence.granted", "judgment-debtor.listed"):
        (tmp_path / "events" / kind).symlink_to(schemas.schemas_dir() / "events" / kind)
    (tmp_path / "events" / "inspection.held" / "v1.json").write_bytes(orjson.dumps(INSPECTION))
    newcomer = Judge.of(tmp_path)

    def held(**inspection: Any) -> CreditEvent | Quarantined:
        given = {"held_on": "2026年3月1日", "result": "1", "places": ["130822"]} | inspection
        fixed = {part: example("penalty.imposed", "fine")[part] for part in ("subject", "document")}
        entry = an_event("inspection.held", fixed | {"inspection": given}, supplier="samr-130822")
        return newcomer(entry, shipped())

    event = held()
    assert isinstance(event, CreditEvent)
    assert (event.kind, event.item, event.role) == ("inspection.held", "penalty", "fact")
    assert event.data["inspection"] == {"held_on": "2026-03-01", "result": "合格", "places": ["130822"]}
    for inspection, why in (
        ({"held_on": "2098-01-01"}, ("date-in-future", "inspection.held_on")),
        ({"closed_on": "2026-02-28"}, ("dates-reversed", "inspection.closed_on")),
        ({"result": ""}, ("required-missing", "inspection.result")),
        ({"places": ["990000"]}, ("DIVISION_UNKNOWN", "inspection.places.0")),
        ({"fee": "1"}, ("field-unknown", "inspection.fee")),
    ):
        outcome = held(**inspection)
        assert isinstance(outcome, Quarantined)
        assert {(reason.code, reason.field) for reason in outcome.reasons} == {why}


EXAMPLES = [
    (path.parts[-4], path.stem) for path in sorted(schemas.schemas_dir().glob("events/*/examples/valid/*.json"))
    if path.parts[-4] != "obligation.feedback"
]  # fmt: skip
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(node: Any, path: str = "") -> list[str]:
    if not isinstance(node, dict):
        return []
    return [place for name, value in node.items() for place in (path + name, *_places(value, f"{path}{name}__"))]


@settings(deadline=None)
@given(
    st.sampled_from(EXAMPLES), st.data(), json_values, st.sampled_from(["samr-130822", "spc-130000", "hub", "x", ""])
)
def test_no_json_whatever_in_any_place_of_any_kind_breaks_the_judge(
    kind_and_name: tuple[str, str], data: st.DataObject, value: object, supplier: str
) -> None:
    kind, name = kind_and_name
    place = data.draw(st.sampled_from(_places(example(kind, name))))
    outcome = judged(kind, example(kind, name, **{place: value}), supplier)
    if isinstance(outcome, CreditEvent):
        assert schemas.faults(kind, outcome.data) == []
        outcome.to_bytes()
    else:
        assert any(map(refuses, outcome.reasons))
