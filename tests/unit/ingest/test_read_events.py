"""Understands how a CloudEvent's data is read: brought to one form, every fault named at its path, no person kept."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from credithub import schemas
from credithub.demo.synthetic import organisation_code, registration_number, unified_code
from credithub.domain.events import CreditEvent
from credithub.domain.reasons import refuses
from services.ingest.rules import Quarantine, normalise
from tests.harness.entries import CONTEXT, a_row, an_event
from tests.harness.feedfiles import PERSON_NUMBER, licence_row

DOCUMENT = {"number": "演水许〔2026〕1号", "issuer": "演示县水务局", "decided_on": "2026-01-05"}
SUBJECT = {"name": "演示一号有限公司", "unified_code": unified_code(1)}
SOUND: dict[str, dict[str, Any]] = {
    "licence.granted": {
        "subject": SUBJECT,
        "document": DOCUMENT,
        "licence": {"category": "普通", "content": "准予取水", "valid_from": "2026-01-05", "valid_to": None},
    },
    "penalty.imposed": {
        "subject": SUBJECT,
        "document": DOCUMENT,
        "penalty": {
            "offence": "未公示年报", "facts": "未公示", "basis": "条例", "category": "罚款", "content": "罚款2000元",
            "fine_yuan": "2000",
        },
    },
    "judgment-debtor.listed": {
        "subject": SUBJECT,
        "document": DOCUMENT | {"number": "（2026）冀0822执123号"},
        "debtor": {
            "court": "演示县人民法院", "case_number": "（2026）冀0822执123号", "basis_number": "（2025）冀0822民初12号",
            "basis_unit": "演示县人民法院", "filed_on": "2026-01-05", "published_on": "2026-02-03", "duty": "支付货款",
            "performance": "全部未履行", "circumstances": "违反财产报告制度",
        },
    },
    "judgment-debtor.removed": {
        "subject": SUBJECT,
        "document": DOCUMENT,
        "removal": {"case_number": "（2026）冀0822执123号", "reason": "performed", "removed_on": "2026-03-01"},
    },
    "subject.registered": {
        "subject": SUBJECT,
        "document": DOCUMENT,
        "registration": {
            "name": "演示一号有限公司", "kind": "organisation", "seat": "130822", "registrar": "演示县市场监督管理局",
            "status": "active", "effective_on": "2026-01-05",
            "legacy": [{"scheme": "registration_number", "value": registration_number(45010100)}],
        },
    },
}  # fmt: skip


def data_of(kind: str = "licence.granted", **changes: Any) -> dict[str, Any]:
    """`changes` by path, with __ for a dot; ... removes."""
    data = copy.deepcopy(SOUND[kind])
    for path, value in changes.items():
        *way, last = path.split("__")
        node = data
        for step in way:
            node = node[step]
        if value is ...:
            del node[last]
        else:
            node[last] = value
    return data


def archived(kind: str = "licence.granted", **changes: Any) -> CreditEvent:
    outcome = normalise(an_event(kind, data_of(kind, **changes)), CONTEXT)
    assert isinstance(outcome, CreditEvent), outcome
    assert schemas.faults(kind, outcome.data) == []
    return outcome


def refused(kind: str = "licence.granted", **changes: Any) -> set[tuple[str | None, str]]:
    outcome = normalise(an_event(kind, data_of(kind, **changes)), CONTEXT)
    assert isinstance(outcome, Quarantine), outcome
    return {(reason.field, reason.code) for reason in outcome.reasons if refuses(reason)}


@pytest.mark.parametrize("kind", SOUND)
def test_a_sound_event_of_each_kind_is_kept_as_it_is_and_its_schema_accepts_it(kind: str) -> None:
    event = archived(kind)
    assert event.data == SOUND[kind]
    assert event.warnings == ()
    assert (event.kind, event.form, event.row, event.file) == (kind, "event", None, None)


@pytest.mark.requirement("R048")
def test_a_row_and_an_event_that_say_the_same_have_the_same_content() -> None:
    row = normalise(a_row(licence_row(1)), CONTEXT)
    assert isinstance(row, CreditEvent)
    again = normalise(an_event("licence.granted", row.data), CONTEXT)
    assert isinstance(again, CreditEvent)
    assert again.content == row.content
    assert again.data == row.data


@pytest.mark.parametrize(
    ("changes", "path", "kept"),
    [
        ({"document__decided_on": "2026年1月5日"}, "document.decided_on", "2026-01-05"),
        ({"document__decided_on": "20260105"}, "document.decided_on", "2026-01-05"),
        ({"licence__valid_to": "2099-12-31"}, "licence.valid_to", None),
        ({"licence__category": "01"}, "licence.category", "普通"),
        ({"licence__category": "备案"}, "licence.category", "备案"),
        ({"subject__unified_code": unified_code(1).lower()}, "subject.unified_code", unified_code(1)),
        ({"subject__name": " 演示一号有限公司\u200b"}, "subject.name", "演示一号有限公司"),
    ],
)
def test_values_are_brought_to_one_form(changes: dict[str, Any], path: str, kept: object) -> None:
    node: Any = archived(**changes).data
    for step in path.split("."):
        node = node[step]
    assert node == kept


@pytest.mark.requirement("R026")
@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("licence.granted", {"subject__unified_code": unified_code(1)[:17]}, {("subject.unified_code", "LENGTH")}),
        ("licence.granted", {"document": ...}, {("document", "document-missing")}),
        ("licence.granted", {"document": []}, {("document", "type-wrong")}),
        ("licence.granted", {"subject": None}, {("subject", "required-missing")}),
        ("licence.granted", {"document__number": "-"}, {("document.number", "required-missing")}),
        ("licence.granted", {"document__decided_on": "2098-01-01"}, {("document.decided_on", "date-in-future")}),
        ("licence.granted", {"licence__valid_to": "2020-01-01"}, {("licence.valid_to", "dates-reversed")}),
        ("licence.granted", {"subject__name": "12"}, {("subject.name", "name-implausible")}),
        ("licence.granted", {"licence": ...}, {("licence", "required-missing")}),
        ("penalty.imposed", {"penalty__fine_yuan": "-1"}, {("penalty.fine_yuan", "amount-negative")}),
        ("penalty.imposed", {"penalty__fine_yuan": "0.2万元"}, {("penalty.fine_yuan", "amount-unreadable")}),
        ("subject.registered", {"registration__seat": "990000"}, {("registration.seat", "seat-unknown")}),
        (
            "subject.registered",
            {"registration__legacy": [{"scheme": "organisation_code", "value": "PDY000019"}]},
            {("registration.legacy.0.value", "ORG_CHECK")},
        ),
        (
            "licence.granted",
            {"document__number": "", "licence__content": "暂无", "document__decided_on": "昨天"},
            {
                ("document.number", "required-missing"),
                ("licence.content", "required-missing"),
                ("document.decided_on", "date-unreadable"),
            },
        ),
    ],
)
def test_every_fault_is_named_at_its_path(kind: str, changes: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    assert refused(kind, **changes) == expected


def test_a_registration_brings_its_earlier_codes() -> None:
    event = archived("subject.registered", subject__organisation_code=organisation_code(1))
    assert event.legacy == (("registration_number", registration_number(45010100)),)
    assert event.organisation_code == organisation_code(1)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject__taxpayer_number": PERSON_NUMBER},
        {"subject__unified_code": PERSON_NUMBER},
        {"subject__name": f"张某{PERSON_NUMBER}"},
        {"document__number": PERSON_NUMBER},
        {"document__issuer": PERSON_NUMBER},
        {"licence__content": f"张某（{PERSON_NUMBER}）"},
        {"licence__certificate_number": PERSON_NUMBER},
        {"remarks": PERSON_NUMBER},
        {"unknown": PERSON_NUMBER},
        {"unknown": {"deep": [PERSON_NUMBER, {"number": int(PERSON_NUMBER)}]}} if PERSON_NUMBER.isdecimal() else {},
        {f"名{PERSON_NUMBER}": "x"},
        {"licence__valid_to": PERSON_NUMBER},
    ],
)
@pytest.mark.parametrize("others", [{}, {"licence__content": ""}])
def test_a_persons_number_is_found_in_no_outcome(changes: dict[str, Any], others: dict[str, Any]) -> None:
    entry = an_event("licence.granted", data_of(**(others | changes)))
    assert PERSON_NUMBER not in repr(normalise(entry, CONTEXT))


@pytest.mark.requirement("R006")
def test_legacy_codes_are_judged_by_their_scheme_and_a_persons_among_them_is_refused() -> None:
    codes = [{"scheme": "taxpayer_number", "value": PERSON_NUMBER}]
    entry = an_event("subject.registered", data_of("subject.registered", registration__legacy=codes))
    outcome = normalise(entry, CONTEXT)
    assert isinstance(outcome, Quarantine)
    assert [r.code for r in outcome.reasons] == ["person-number-in-field"]
    assert PERSON_NUMBER not in repr(outcome)


def test_what_nobody_may_post_or_is_no_object_is_refused() -> None:
    feedback = normalise(an_event("obligation.feedback", {}), CONTEXT)
    broken = normalise(an_event("licence.granted", []), CONTEXT)  # type: ignore[arg-type]
    assert [r.code for outcome in (feedback, broken) for r in outcome.reasons] == ["kind-unknown", "type-wrong"]  # type: ignore[union-attr]


def test_the_codes_of_a_subject_must_agree() -> None:
    assert refused(subject__organisation_code=organisation_code(2)) == {
        ("subject.organisation_code", "identifiers-disagree")
    }
    archived(subject__organisation_code=organisation_code(1))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PATHS = [f"{part}__{name}" for kind in SOUND for part, node in SOUND[kind].items() for name in node] + [
    part for kind in SOUND for part in SOUND[kind]
]


@settings(deadline=None)
@given(st.sampled_from(sorted(SOUND)), st.data(), json_values)
def test_no_json_whatever_in_any_place_breaks_the_reader(kind: str, data: st.DataObject, value: object) -> None:
    path = data.draw(st.sampled_from([p for p in PATHS if p.split("__")[0] in SOUND[kind]]))
    part, _, name = path.partition("__")
    if name and name not in SOUND[kind][part]:
        return
    outcome = normalise(an_event(kind, data_of(kind, **{path: value})), CONTEXT)
    assert isinstance(outcome, CreditEvent | Quarantine)
    if isinstance(outcome, CreditEvent):
        outcome.to_bytes()
        schemas.faults(kind, outcome.data)
    else:
        assert any(map(refuses, outcome.reasons))
