"""Understands what a catalogue answers: who may report, who answers for whom, what is told to whom."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import chinese_calendar
import orjson
import pytest

from credithub import schemas
from credithub.domain.calendar import DueDay, WorkingDays
from credithub.domain.catalogue import FILES, Catalogue, CatalogueUnreadable, from_json, load, versions
from credithub.domain.events import KINDS
from tests.unit.catalogue.shelf import BENCH, SHELF, SHIPPED, content, row, shipped


@pytest.mark.parametrize("folder", [SHIPPED, BENCH], ids=lambda folder: folder.name)
def test_a_catalogue_survives_the_way_through_json_and_the_database(folder: Path) -> None:
    catalogue = load(folder)
    through = from_json(json.loads(json.dumps(catalogue.to_json(), sort_keys=True)))
    assert through == catalogue
    assert hash(through) == hash(catalogue)
    assert through.content == catalogue.content


def test_any_change_makes_another_catalogue() -> None:
    changed = content()
    row(changed, "measures", "P64-44")["due_working_days"] = 3
    assert from_json(changed) != shipped()


def test_the_shipped_catalogue_says_that_it_is_illustrative_and_from_when_it_counts() -> None:
    assert shipped().illustrative
    assert (shipped().version, shipped().effective_from.isoformat()) == ("2026-illustrative.2", "2026-01-01")
    assert "illustrative" in shipped().content.manifest.name_en
    assert "示例" in shipped().content.manifest.name_zh


def test_a_catalogue_that_does_not_say_counts_as_illustrative() -> None:
    silent = content()
    del silent["manifest"]["illustrative"]
    assert from_json(silent).illustrative


@pytest.mark.parametrize(
    ("abolished", "current"),
    [("saic", "samr"), ("aqsiq", "samr"), ("cfda", "samr"), ("cbrc", "nfra"), ("circ", "nfra"), ("cbirc", "nfra"),
     ("saws", "mem"), ("sacs", "cod"), ("mlr", "mnr"), ("moa", "mara"), ("mof", "mof")],
)  # fmt: skip
def test_an_abolished_body_resolves_to_who_answers_for_it_now(abolished: str, current: str) -> None:
    assert shipped().current_department(abolished) == current
    assert shipped().successors[abolished] == current


@pytest.mark.requirement("R110")
def test_only_courts_report_judgment_debtors_and_nobody_reports_what_is_not_listed() -> None:
    assert shipped().may_report("spc", "judgment-debtor")
    assert not shipped().may_report("mof", "judgment-debtor")
    assert not shipped().may_report("spc", "penalty")
    assert not shipped().may_report("spc", "divorce")
    assert not shipped().may_report("nobody", "penalty")


def test_who_took_over_a_department_reports_for_it() -> None:
    changed = content()
    row(changed, "items", "registration")["owners"] = ["saic"]
    assert from_json(changed).may_report("samr", "registration")
    assert from_json(changed).may_report("saic", "registration")


def test_every_kind_that_is_about_an_item_is_an_items() -> None:
    reported = {kind for item in shipped().items for kind in item.events}
    about = {kind for kind in KINDS if {"fact", "entry", "exit", "notice", "register", "link"} & {_role(kind)}}
    assert reported == about
    for kind in about:
        if (fixed := schemas.schema(kind).get("x-item")) is not None:
            item = shipped().item_of_event(kind)
            assert item is not None
            assert item.code == fixed
    assert shipped().item_of_event("list.entered") is None  # several items share it: the data names which


def _role(kind: str) -> str:
    return schemas.schema(kind)["x-role"]


@pytest.mark.requirement("R016", "R047", "R236")
def test_no_item_is_about_natural_persons() -> None:
    assert all("natural-person" not in item.subject_kinds for item in shipped().items)
    assert all(set(measure.applies_to) != {"natural-person"} for measure in shipped().measures if measure.executable)


@pytest.mark.requirement("R029", "R154")
def test_an_agency_is_told_the_fields_its_item_and_measure_grant_and_no_other() -> None:
    data = {
        "debtor": {"court": "兴隆县人民法院", "duty": "偿还张三借款", "basis_number": "（2025）冀0822民初1号"},
        "removal": {"reason": "performed"},
        "secret": {"a": 1},
    }
    plain = shipped().grant("judgment-debtor", "P64-13", data)
    assert plain == {"debtor": {"court": "兴隆县人民法院"}, "removal": {"reason": "performed"}}
    query = shipped().grant("judgment-debtor", "P64-12", data)
    assert query["debtor"] == {"court": "兴隆县人民法院", "basis_number": "（2025）冀0822民初1号"}
    assert shipped().grant("judgment-debtor", "P99-99", data) == {}


def test_courts_are_not_asked_for_a_level_and_leaving_the_list_takes_a_reason_of_a_closed_list() -> None:
    debtors = shipped().list_type("judgment-debtor")
    assert debtors is not None
    assert debtors.entry.level is None
    reasons = [reason.code for reason in debtors.exit.reasons]
    assert reasons == ["performed", "settled", "terminated", "withdrawn", "corrected", "expired"]


@pytest.mark.requirement("R098")
def test_mandatory_measures_have_a_due_date_and_reference_ones_never() -> None:
    due = {measure.id: measure.due_working_days for measure in shipped().measures if measure.executable}
    assert due["P64-13"] == 10
    assert due["P64-01"] is None
    assert all("due_working_days" in m.unconfirmed for m in shipped().measures if m.due_working_days)


def test_the_calendar_is_known_to_the_end_of_2026_and_no_further() -> None:
    calendar = shipped().calendar
    assert calendar.known_until.isoformat() == "2026-12-31"
    assert {day.isoformat() for day in calendar.off} >= {"2026-10-01", "2026-02-17"}
    assert {day.isoformat() for day in calendar.worked} >= {"2026-10-10", "2026-02-28"}


def test_the_calendar_agrees_with_the_published_holidays_day_by_day() -> None:
    days = WorkingDays(shipped().calendar)
    first, last = shipped().calendar.known_from, shipped().calendar.known_until
    every = [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]
    assert [day for day in every if days.is_working(day) != chinese_calendar.is_workday(day)] == []


def test_a_due_date_over_new_year_2027_says_that_it_is_an_estimate() -> None:
    days = WorkingDays(shipped().calendar)
    assert days.due(date(2026, 9, 30), 3) == DueDay(on=date(2026, 10, 10), estimated=False)
    assert days.due(date(2026, 12, 25), 10).estimated


def test_in_the_bench_catalogue_every_case_gives_four_obligations() -> None:
    bench = load(BENCH)
    assert [len(bench.measures_for(item)) for item in ("judgment-debtor", "penalty", "licence")] == [4, 4, 0]


def test_the_versions_on_a_shelf_are_its_folders_with_a_manifest() -> None:
    assert [folder.name for folder in versions(SHELF)] == ["2026-illustrative.2"]


def copy_of(folder: Path, catalogue: Catalogue) -> Path:
    for key, name in FILES.items():
        (folder / name).write_bytes(orjson.dumps(catalogue.to_json()[key]))
    return folder


def test_a_missing_file_and_broken_json_are_named(tmp_path: Path) -> None:
    folder = copy_of(tmp_path, shipped())
    (folder / "periods.json").unlink()
    (folder / "items.json").write_text("[{", encoding="utf-8")
    with pytest.raises(CatalogueUnreadable) as caught:
        load(folder)
    assert {(each.code, each.file) for each in caught.value.problems} == {
        ("file-missing", "periods.json"),
        ("unreadable", "items.json"),
    }


def test_an_unknown_field_is_named_with_its_row_and_file() -> None:
    spoilt = content()
    row(spoilt, "measures", "P64-44")["freely"] = "说什么都行"
    with pytest.raises(CatalogueUnreadable) as caught:
        from_json(spoilt)
    (problem,) = caught.value.problems
    assert (problem.code, problem.file, problem.id) == ("unreadable", "measures.json", "P64-44")
    assert "freely" in problem.detail
