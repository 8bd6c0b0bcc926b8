"""Understands that no fault planted in a catalogue goes unseen, and that each is named by its own code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credithub.domain.catalogue import PROBLEMS, check, from_json, load
from tests.unit.catalogue.shelf import BENCH, SHIPPED, content, row

Content = dict[str, Any]


def put(key: str, name: str, **values: Any) -> Callable[[Content], None]:
    def plant(spoilt: Content) -> None:
        row(spoilt, key, name).update(values)

    return plant


def drop(key: str, name: str) -> Callable[[Content], None]:
    def plant(spoilt: Content) -> None:
        spoilt[key].remove(row(spoilt, key, name))

    return plant


def manifest(**values: Any) -> Callable[[Content], None]:
    return lambda spoilt: spoilt["manifest"].update(values)


def calendar(**values: Any) -> Callable[[Content], None]:
    return lambda spoilt: spoilt["calendar"].update(values)


def year(number: int, **values: Any) -> Callable[[Content], None]:
    def plant(spoilt: Content) -> None:
        next(entry for entry in spoilt["calendar"]["years"] if entry["year"] == number).update(values)

    return plant


def leave_out_2025(spoilt: Content) -> None:
    spoilt["calendar"]["years"].pop(1)


def say_a_measure_twice(spoilt: Content) -> None:
    spoilt["measures"].append(row(spoilt, "measures", "P64-44"))


def no_remedy(spoilt: Content) -> None:
    spoilt["list_types"][0]["remedy_zh"] = " "


def no_way_out(spoilt: Content) -> None:
    spoilt["list_types"][0]["exit"]["reasons"] = []


def a_person_item(spoilt: Content) -> None:
    row(spoilt, "items", "penalty")["subject_kinds"].append("natural-person")


def no_rule_for_all(spoilt: Content) -> None:
    spoilt["routing"][0]["departments"] = ["mof"]


def no_quote(spoilt: Content) -> None:
    row(spoilt, "measures", "P64-44")["citation"]["quote_zh"] = " "


def criteria(**values: Any) -> Callable[[Content], None]:
    return lambda spoilt: row(spoilt, "list_types", MARKET)["criteria"].update(values)


def repair(name: str, **values: Any) -> Callable[[Content], None]:
    return lambda spoilt: next(each for each in spoilt["repair"] if each["id"] == name).update(values)


def tolerance(ground: str, **values: Any) -> Callable[[Content], None]:
    return lambda spoilt: next(each for each in spoilt["tolerance"] if each["ground"] == ground).update(values)


def triggered_by(item: str) -> Callable[[Content], None]:
    return put("measures", "P64-44", triggers=["judgment-debtor", item])


def an_incentive_upon(item: str) -> Callable[[Content], None]:
    """Everything else about the incentive is in order."""

    def plant(spoilt: Content) -> None:
        row(spoilt, "measures", "P33-I02").update(
            executable=True, because=None, departments=["samr"], term="with-listing", triggers=[item]
        )

    return plant


def weak(spoilt: Content) -> None:
    row(spoilt, "measures", "P64-44")["citation"]["document"] = "发改财金〔2016〕2794号"


def a_circle(spoilt: Content) -> None:
    row(spoilt, "departments", "samr").update(succeeded_by="saic", valid_to="2020-01-01")


CITED = "中办发[2016]64号"
MARKET = "serious-dishonesty-market"
TOLD = "inform-superior-unit"
WEAK = [
    {"document": "发改财金〔2016〕2794号", "clause": "五(十九)", "quote_zh": "建立电子商务领域失信主体“黑名单”制度"}
]
UNCITED = {"document": "国办发〔2020〕49号", "clause": "六(十一)", "quote_zh": " "}
FAULTS = [
    ("illustrative-missing", "manifest.json", "2026-illustrative.2", manifest(illustrative=None)),
    ("unconfirmed-in-force", "measures.json", "P64-44", manifest(illustrative=False)),
    ("id-repeated", "measures.json", "P64-44", say_a_measure_twice),
    ("reference-unknown", "measures.json", "P64-44", put("measures", "P64-44", departments=["mof", "nobody"])),
    ("reference-unknown", "measures.json", "P64-44", put("measures", "P64-44", triggers=["divorce"])),
    ("reference-unknown", "measures.json", "P64-44", put("measures", "P64-44", term="for-ever")),
    ("reference-unknown", "measures.json", "P64-44", put("measures", "P64-44", grants=["debtor.diary"])),
    ("reference-unknown", "measures.json", "P64-44", drop("documents", CITED)),
    ("reference-unknown", "items.json", "licence", put("items", "licence", owners=["ministry-of-truth"])),
    ("reference-unknown", "items.json", "judgment-debtor", put("items", "judgment-debtor", list_type="green")),
    ("reference-unknown", "list-types.json", "judgment-debtor", drop("periods", "debtor-listing")),
    ("reference-unknown", "list-types.json", "judgment-debtor",
     put("items", "judgment-debtor", events=["judgment-debtor.listed"])),
    ("reference-unknown", "departments.json", "saws", drop("departments", "mem")),
    ("reference-unknown", "periods.json", "publish", put("periods", "publish", items=["divorce"])),
    ("reference-unknown", "routing.json", "nearest-at-or-above-seat",
     put("routing", "nearest-at-or-above-seat", departments=["*", "ministry-of-truth"])),
    ("dates-reversed", "departments.json", "cbirc", put("departments", "cbirc", valid_to="2018-04-08")),
    ("dates-reversed", "periods.json", "publish", put("periods", "publish", valid_to="2000-01-01")),
    ("dates-reversed", "measures.json", "P64-44", put("measures", "P64-44", valid_to="2016-09-14")),
    ("successors-cyclic", "departments.json", "saic", a_circle),
    ("successor-undated", "departments.json", "saic", put("departments", "saic", valid_to=None)),
    ("successor-undated", "departments.json", "saic", put("departments", "saic", valid_to="2017-01-01")),
    ("department-abolished", "measures.json", "P64-01", put("departments", "cbirc", succeeded_by=None)),
    ("department-abolished", "measures.json", "P64-44", put("departments", "mof", valid_from="2026-01-02")),
    ("department-abolished", "items.json", "judgment-debtor", put("departments", "spc", valid_to="2026-01-01")),
    ("department-generic", "measures.json", "P64-44", put("measures", "P64-44", departments=["agencies_any"])),
    ("department-generic", "items.json", "licence", put("items", "licence", owners=["gov_levels"])),
    ("item-without-basis", "items.json", "licence", put("items", "licence", basis=[])),
    ("item-without-basis", "list-types.json", "judgment-debtor", put("list_types", "judgment-debtor", basis=[])),
    ("item-without-owner", "items.json", "licence", put("items", "licence", owners=[])),
    ("item-for-persons", "items.json", "penalty", a_person_item),
    ("measure-uncited", "measures.json", "P64-44", put("measures", "P64-44", citation=None)),
    ("measure-uncited", "measures.json", "P64-44", no_quote),
    ("citation-weak", "measures.json", "P64-44", weak),
    ("citation-not-in-force", "measures.json", "P64-44", put("documents", CITED, valid_to="2026-01-01")),
    ("citation-not-in-force", "measures.json", "P64-44", put("documents", CITED, valid_from="2027-01-01")),
    ("measure-not-in-force", "measures.json", "P64-44", put("measures", "P64-44", valid_to="2025-12-31")),
    ("measure-free-text", "measures.json", "P64-44", put("measures", "P64-44", effect="从严从重处理")),
    ("measure-free-text", "measures.json", "从严处理", put("measures", "P64-44", id="从严处理")),
    ("measure-without-department", "measures.json", "P64-44", put("measures", "P64-44", departments=[])),
    ("measure-for-persons", "measures.json", "P64-44", put("measures", "P64-44", applies_to=["natural-person"])),
    ("measure-without-trigger", "measures.json", "P64-44", put("measures", "P64-44", triggers=[])),
    ("measure-unexplained", "measures.json", "P64-51", put("measures", "P64-51", because=None)),
    ("due-missing", "measures.json", "P64-44", put("measures", "P64-44", due_working_days=None)),
    ("due-unowed", "measures.json", "P64-01", put("measures", "P64-01", due_working_days=5)),
    ("term-missing", "measures.json", "P64-44", put("measures", "P64-44", term=None)),
    ("value-unsourced", "periods.json", "publish", put("periods", "publish", document=None)),
    ("routing-uncovered", "measures.json", "P64-44", no_rule_for_all),
    ("list-without-exit", "list-types.json", "judgment-debtor", no_remedy),
    ("list-without-exit", "list-types.json", "judgment-debtor", no_way_out),
    ("calendar-not-contiguous", "calendar.json", "", leave_out_2025),
    ("calendar-not-contiguous", "calendar.json", "", calendar(known_until="2027-12-31")),
    ("calendar-not-contiguous", "calendar.json", "", calendar(known_until="2026-10-31")),
    ("calendar-not-contiguous", "calendar.json", "2026", year(2026, off=["2025-12-31"])),
    ("calendar-contradiction", "calendar.json", "2026", year(2026, off=["2026-10-03"])),
    ("reference-unknown", "list-types.json", MARKET, put("list_types", MARKET, waiting="a-while")),
    ("reference-unknown", "list-types.json", MARKET, criteria(document="某规定")),
    ("reference-unknown", "repair.json", "penalty", repair("penalty", item="divorce")),
    ("reference-unknown", "tolerance.json", "minor", drop("documents", "国办发〔2020〕49号")),
    ("unconfirmed-in-force", "tolerance.json", "minor", manifest(illustrative=False)),
    ("list-basis-weak", "list-types.json", MARKET, put("list_types", MARKET, basis=WEAK)),
    ("list-basis-weak", "list-types.json", MARKET, criteria(document="发改财金〔2016〕2794号")),
    ("list-legacy-endless", "list-types.json", "ecommerce-blacklist",
     put("list_types", "ecommerce-blacklist", valid_to=None)),
    ("list-may-not-trigger", "list-types.json", "third-party", triggered_by("third-party")),
    ("list-may-not-trigger", "list-types.json", "ecommerce-blacklist", triggered_by("ecommerce-blacklist")),
    ("list-demands-missing", "list-types.json", MARKET, put("list_types", MARKET, demands=["basis", "parts", "level"])),
    ("list-level-missing", "list-types.json", MARKET, put("list_types", MARKET, entry={"event": "list.entered"})),
    ("list-waiting-missing", "list-types.json", MARKET, put("list_types", MARKET, waiting=None)),
    ("list-without-criteria", "list-types.json", MARKET, put("list_types", MARKET, criteria=None)),
    ("list-without-criteria", "list-types.json", MARKET, criteria(remedies_zh=" ")),
    ("list-consulted-too-short", "list-types.json", MARKET, criteria(consulted_to="2025-08-29")),
    ("repair-uncited", "repair.json", "penalty", repair("penalty", not_repairable=UNCITED)),
    ("repair-uncited", "repair.json", "penalty", repair("penalty", not_repairable=WEAK[0])),
    ("tolerance-uncited", "tolerance.json", "slight", tolerance("slight", citation=UNCITED)),
    ("minor-recorded", "tolerance.json", "minor", tolerance("minor", record=True)),
    ("local-without-regulation", "measures.json", "P64-44", manifest(layer="local", division="130000")),
    ("layer-without-division", "manifest.json", "2026-illustrative.2", manifest(layer="local")),
    ("calendar-contradiction", "calendar.json", "2026", year(2026, worked=["2026-10-09"])),
    ("calendar-contradiction", "calendar.json", "2026", year(2026, off=["2026-10-01", "2026-10-01"])),
    ("red-list-restricts", "list-types.json", "red", triggered_by("red")),
    ("dishonesty-rewarded", "list-types.json", MARKET, an_incentive_upon(MARKET)),
    ("dishonesty-rewarded", "list-types.json", "focus", an_incentive_upon("focus")),
    ("notice-by-trigger", "routing.json", TOLD, put("routing", TOLD, measure="P64-44")),
    ("notice-by-trigger", "routing.json", TOLD, put("measures", "S35-11", because="no-department-named")),
    ("notice-owed", "routing.json", TOLD, put("measures", "S35-11", binding="mandatory")),
    ("notice-owed", "routing.json", TOLD, put("measures", "S35-11", effect="bar")),
    ("list-may-not-trigger", "routing.json", TOLD, put("routing", TOLD, items=["judgment-debtor", "red"])),
    ("reference-unknown", "routing.json", TOLD, put("routing", TOLD, items=["divorce"])),
    ("reference-unknown", "routing.json", TOLD, put("routing", TOLD, measure="S35-99")),
    ("reference-unknown", "routing.json", TOLD, drop("departments", "superior_unit")),
    ("measure-uncited", "measures.json", "S35-11", put("measures", "S35-11", citation=None)),
    ("term-missing", "measures.json", "S35-11", put("measures", "S35-11", term=None)),
]  # fmt: skip


@pytest.mark.requirement("R028", "R132")
@pytest.mark.parametrize("folder", [SHIPPED, BENCH], ids=lambda folder: folder.name)
def test_the_shipped_catalogues_have_no_fault(folder: Path) -> None:
    assert check(load(folder)) == []


@pytest.mark.requirement("R109")
@pytest.mark.parametrize(("code", "file", "name", "plant"), FAULTS, ids=lambda value: str(value)[:40])
def test_a_planted_fault_is_found_where_it_is(
    code: str, file: str, name: str, plant: Callable[[Content], None]
) -> None:
    spoilt = content()
    plant(spoilt)
    problems = check(from_json(spoilt))
    assert (code, file, name) in {(each.code, each.file, each.id) for each in problems}
    assert all(each.explain("zh") and each.explain("en") for each in problems)


@pytest.mark.requirement("R135")
def test_thirty_days_of_consultation_are_enough_and_twenty_nine_are_not() -> None:
    for last, faults in (("2025-08-29", {"list-consulted-too-short"}), ("2025-08-30", set[str]())):
        spoilt = content()
        criteria(consulted_from="2025-08-01", consulted_to=last)(spoilt)
        assert {each.code for each in check(from_json(spoilt))} == faults


@pytest.mark.requirement("R133", "R134", "R136", "R142", "R210")
def test_every_shipped_list_of_serious_dishonesty_is_opened_by_law_and_says_how_to_leave_it() -> None:
    lists = load(SHIPPED).list_types
    serious = [each for each in lists if each.kind == "serious-dishonesty" and not each.legacy]
    assert len(serious) == 16
    assert all(each.criteria and each.exit.reasons and set(each.demands) >= {"basis", "notice"} for each in serious)
    assert all(each.valid_to for each in lists if each.legacy)
    kinds = {each.kind for each in lists}
    assert kinds == {"serious-dishonesty", "focus", "abnormal", "red", "judgment-debtor", "third-party"}


@pytest.mark.requirement("R130")
def test_an_incentive_upon_the_red_list_is_in_order() -> None:
    changed = content()
    an_incentive_upon("red")(changed)
    assert check(from_json(changed)) == []


def test_every_code_is_planted_here_or_with_unreadable_files() -> None:
    assert {fault[0] for fault in FAULTS} | {"unreadable", "file-missing"} == set(PROBLEMS)


def test_a_catalogue_with_every_fault_removed_is_fit_to_bind() -> None:
    clean = content()
    clean["manifest"]["illustrative"] = False
    for rows in clean.values():
        for entry in rows if isinstance(rows, list) else ():
            if "unconfirmed" in entry:
                entry["unconfirmed"] = []
    left = {each.code for each in check(from_json(clean))}
    assert left == {"value-unsourced"}
