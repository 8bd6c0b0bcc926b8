"""Understands lists and corrections on the whole path: what an entry is held to, and what a corrected fact is afterwards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e import papers
from tests.harness.hub import Holder, Hub, codes

MARKET = "serious-dishonesty-market"
BASIS = {"document": "国家市场监督管理总局令第44号", "clause": "第十条"}


def notice(about: dict[str, Any], number: str, on: str) -> dict[str, Any]:
    told = {
        "type": MARKET, "number": number, "facts": "提交虚假材料", "basis": BASIS, "rights": "可以陈述、申辩",
        "given_on": on, "served_by": "直接送达",
    }  # fmt: skip
    return {"subject": about, "document": papers.document(number, decided_on=on), "listing": told}


def entry(about: dict[str, Any], number: str, **changed: Any) -> dict[str, Any]:
    listing = {
        "type": MARKET, "grounds": "提交虚假材料取得许可", "basis": BASIS, "measures": ["P33-R01"],
        "removal_conditions": "列入满一年并已纠正", "removal_procedure": "书面申请", "remedies": "复议、诉讼",
        "level": "county", "severity": "serious", "listed_on": "2026-11-02",
    }  # fmt: skip
    return {"subject": about, "document": papers.document(number), "listing": listing | changed}


def removal(about: dict[str, Any], number: str) -> dict[str, Any]:
    removed = {"type": MARKET, "number": number, "reason": "corrected", "removed_on": "2026-11-20"}
    return {"subject": about, "document": papers.document(f"{number}之二", decided_on="2026-11-20"), "removal": removed}


@pytest.fixture
def bureau(hub: Hub) -> Holder:
    return hub.supplier(f"samr-{hub.county()}", MARKET, "penalty")


def post(hub: Hub, bureau: Holder, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """The one entry of the answer, decided."""
    return bureau.post(bureau.event(kind, data, hub.id("list")), wait=20).ok(202)["entries"][0]


@pytest.mark.requirement("R138", "R141")
def test_one_is_listed_after_a_notice_and_its_waiting_time_and_removed_for_a_reason(hub: Hub, bureau: Holder) -> None:
    about, number = papers.subject(hub.organisation()), hub.id("演列")
    assert codes(post(hub, bureau, "list.entered", entry(about, number))) == {
        ("listing.notice_number", "listing-notice-missing")
    }
    untold = entry(about, number, notice_number=f"{number}告")
    assert codes(post(hub, bureau, "list.entered", untold)) == {("listing.notice_number", "listing-notice-missing")}
    post(hub, bureau, "list.notice-given", notice(about, f"{number}告", "2026-10-20"))
    listed = post(hub, bureau, "list.entered", untold)
    assert listed["state"] == "archived"
    assert post(hub, bureau, "list.removed", removal(about, number))["state"] == "archived"
    record = bureau.get(f"/v1/records/{listed['record']}")
    assert record["state"] == "removed"


@pytest.mark.requirement("R221")
def test_a_later_export_of_a_corrected_fact_says_nothing_new(hub: Hub, bureau: Holder) -> None:
    about, number = papers.subject(hub.organisation()), hub.id("演罚")
    before, after = papers.penalty(about, number, "5000.00"), papers.penalty(about, number, "50000.00")
    made = post(hub, bureau, "penalty.imposed", before)
    correction = {"kind": "penalty.imposed", "data": {"penalty": after["penalty"]}, "reason": "金额录入有误"}
    named = {"item": "penalty", "number": number}
    paper = papers.document(f"{number}更正", decided_on="2026-11-10")
    said = {"subject": about, "document": paper, "record": named, "correction": correction}
    assert post(hub, bureau, "record.corrected", said)["state"] == "archived"
    record = bureau.get(f"/v1/records/{made['record']}")
    assert (record["version"], record["data"]["penalty"]["fine_yuan"]) == (2, "50000")
    assert post(hub, bureau, "penalty.imposed", after)["state"] == "duplicate"
    assert post(hub, bureau, "penalty.imposed", before)["state"] == "duplicate"
    stranger = hub.supplier(f"mps-{hub.county()}", "penalty")
    withdrawal = {"reason": "issued-in-error", "withdrawn_on": "2026-11-10", "restore_reputation": False}
    theirs = {"subject": about, "document": paper, "record": named, "withdrawal": withdrawal}
    assert {code for _, code in codes(post(hub, stranger, "record.withdrawn", theirs))} == {
        "not-determining-department"
    }


@pytest.mark.requirement("R317", "R318")
def test_what_is_tolerated_or_about_a_minor_leaves_no_record(hub: Hub, bureau: Holder) -> None:
    data = papers.penalty(papers.subject(hub.organisation()), hub.id("演罚"))
    for ground, code in (("force-majeure", "tolerated"), ("minor", "minor")):
        told = post(hub, bureau, "penalty.imposed", data | {"tolerance": {"ground": ground, "text": "（演示）"}})
        assert codes(told) == {("tolerance.ground", code)}
