"""Understands how a run is summed up: losses are counted one by one, and the sums must hold."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from credithub.demo.accounts import Account
from credithub.demo.duties import Case, Duties
from credithub.demo.figures import FILE, Figures, figures
from credithub.demo.ledger import Held, Ledger, Receipt
from credithub.demo.memory import Memory
from credithub.demo.narration import Narrator
from credithub.demo.patience import Patience
from credithub.demo.texts import TEXTS, language
from tests.unit.demo.fake_hub import FakeHub


def obligation(name: str = "obl_1", **changed: Any) -> dict[str, Any]:
    return {
        "obligation": name,
        "measure": "P64-12",
        "agency": "mof-130822",
        "state": "delivered",
        "version": 1,
    } | changed


def told(name: str = "obl_1", version: int = 1) -> dict[str, Any]:
    return {"agency": "mof-130822", "obligation": name, "message": f"{name}.1.{version}", "version": version}


def delivery(name: str = "obl_1", version: int = 1, **changed: Any) -> dict[str, Any]:
    row = {"agency": "mof-130822", "message": f"{name}.1.{version}", "channel": "kafka", "state": "delivered"}
    return row | changed


def case(
    obligations: list[dict[str, Any]], notifications: list[dict[str, Any]], deliveries: list[dict[str, Any]]
) -> Case:
    cases = [{"case_id": "cas_1", "obligations": obligations}]
    return Case({"cases": cases, "notifications": notifications, "deliveries": deliveries, "feedback": []})


def duties(*cases: Case) -> Duties:
    made = Duties(operator=FakeHub().client(), answering=["mof-130822"], pulling="mof-130822", said={"mof-130822": {}})
    made.cases = {("//demo", str(n)): one for n, one in enumerate(cases)}
    return made


def ledger(entries: int) -> Ledger:
    held = tuple(Held(submission="sub_1", index=n, source="//demo", id=str(n)) for n in range(entries))
    receipt = Receipt(submission="sub_1", supplier="mof-130822", form="event", entries=held, raw={})
    return Ledger(b"", [receipt])


def account(lost: int = 0, **outcomes: int) -> Account:
    held = [Held(submission="sub_1", index=n, source=None, id=None) for n in range(lost)]
    return Account({"sub_1": Counter(outcomes)}, held)


def test_a_run_without_loss_counts_none() -> None:
    whole = case([obligation()], [told()], [delivery()])
    made = figures(ledger(3), account(archived=2, waiting=1), duties(whole), 1.0)
    assert made.lost == 0
    assert made.balanced


@pytest.mark.parametrize(
    "broken",
    [
        case([obligation()], [], []),
        case([obligation(version=2)], [told()], [delivery()]),
        case([obligation()], [told()], []),
    ],
    ids=["untold", "the present version untold", "without delivery row"],
)
def test_a_duty_that_was_not_told_or_not_sent_is_a_loss(broken: Case) -> None:
    assert figures(ledger(1), account(archived=1), duties(broken), 1.0).lost == 1


def test_a_promise_that_nobody_accounts_for_is_a_loss_and_unbalances_the_sum() -> None:
    made = figures(ledger(2), account(lost=1, archived=1), duties(), 1.0)
    assert made.lost == 1
    assert not made.balanced


def test_measures_without_an_agency_are_no_obligations() -> None:
    unrouted = obligation(None, agency=None, state="unrouted")  # type: ignore[arg-type]
    assert figures(ledger(0), account(), duties(case([unrouted], [], [])), 1.0).obligations == 0


def test_the_file_holds_exactly_the_twelve_figures(tmp_path: Path) -> None:
    made = figures(ledger(1), account(archived=1), duties(), 2.34)
    made.write(tmp_path)
    written = json.loads((tmp_path / FILE).read_text("utf-8"))
    names = "submitted archived waiting quarantined duplicates cases obligations notifications delivered feedback lost"
    assert list(written) == [*names.split(), "seconds"] == list(Figures.__slots__)


async def test_what_is_under_way_or_unanswered_is_still_to_come() -> None:
    hub = FakeHub()
    waiting = duties()
    waiting.operator = hub.client()
    waiting.decided = [("//demo", "1")]
    hub.tells("/v1/trail", {"cases": [], "notifications": [], "deliveries": [], "feedback": []})
    hub.tells("/v1/trail", case([obligation()], [told()], [delivery(state="due")]).trail)
    hub.tells("/v1/trail", case([obligation(state="executed")], [told()], [delivery()]).trail)
    assert [await waiting.look() for _ in range(3)] == [1, 2, 0]


def narrator() -> Narrator:
    return Narrator("zh", out=Console(file=io.StringIO()), err=Console(file=io.StringIO()))


async def test_patience_ends_when_nothing_is_left() -> None:
    left = iter([3, 2, 2, 0])

    async def ask() -> int:
        return next(left)

    assert await Patience(narrator(), pause=0).until("duties", ask)


async def test_patience_ends_when_nothing_moves() -> None:
    async def ask() -> int:
        return 3

    assert not await Patience(narrator(), pause=0, stall=0).until("duties", ask)


def test_two_runs_beside_each_other_never_share_a_number(tmp_path: Path) -> None:
    one, other = Memory.of(tmp_path), Memory.of(tmp_path)
    assert [one.next_run(), other.next_run(), one.next_run()] == [1, 2, 3]


def test_what_was_told_once_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    memory = Memory.of(tmp_path)
    memory.kafka["ndrc-130822"] = "secret"
    memory.save()
    assert Memory.of(tmp_path).kafka == {"ndrc-130822": "secret"}
    assert memory.path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", TEXTS)
def test_every_text_says_the_same_in_both_languages(name: str) -> None:
    zh, en = TEXTS[name]
    assert sorted(re.findall(r"{\w+", zh)) == sorted(re.findall(r"{\w+", en))
    assert zh
    assert en


def test_the_language_asked_for_wins() -> None:
    assert (language("zh"), language("en")) == ("zh", "en")
