"""Understands how what was promised is found again, and that a promise nobody can account for counts as lost."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from credithub.demo.accounts import accounted
from credithub.demo.client import Refused
from credithub.demo.ledger import Ledger, NotGenuine, Receipt, receipt_of
from credithub.domain import receipts
from credithub.domain.events import JsonObject
from tests.unit.demo.fake_hub import FakeHub

SIGNING = Ed25519PrivateKey.generate()
PUBLIC = SIGNING.public_key().public_bytes_raw()
SIGNER = receipts.Signer(key_id=receipts.key_id_of(PUBLIC), sign=SIGNING.sign)


def signed(states: tuple[receipts.State, ...] = ("received", "received"), rows: int | None = None) -> JsonObject:
    entries = [
        receipts.entry(index=n, source="//demo", id_=f"e{n}", digest="ab" * 32, state=state)
        for n, state in enumerate(states)
    ]
    return receipts.make(
        SIGNER, submission="sub_1", supplier="mnr-130822", received_at="2026-11-22T00:00:00Z",
        form="event" if rows is None else "row", entries=entries if rows is None else [],
        file=None if rows is None else {"digest": "f", "rows": rows, "blank": 0},
    )  # fmt: skip


def kept(raw: JsonObject) -> tuple[Ledger, Receipt]:
    ledger = Ledger(PUBLIC)
    return ledger, ledger.keep(receipt_of(raw), "chk_supplier")


def results(*states: str) -> JsonObject:
    return {"results": [{"index": n, "state": state, "reasons": []} for n, state in enumerate(states)], "next": None}


def test_a_receipt_that_was_altered_is_not_kept() -> None:
    raw = signed() | {"supplier": "samr-130822"}
    with pytest.raises(NotGenuine):
        Ledger(PUBLIC).keep(receipt_of(raw), "chk")


def test_a_receipt_that_promises_nothing_is_not_one() -> None:
    with pytest.raises(NotGenuine):
        Ledger(PUBLIC).keep(receipt_of(None), "chk")


def test_refused_and_unknown_entries_are_no_promise() -> None:
    ledger, receipt = kept(signed(("received", "refused", "unknown")))
    assert [entry.id for entry in receipt.entries] == ["e0"]
    assert ledger.submitted == 1


def test_each_row_of_a_file_is_a_promise() -> None:
    ledger, _ = kept(signed(rows=300))
    assert ledger.submitted == 300


async def test_every_entry_is_counted_by_its_outcome_with_the_key_that_sent_it() -> None:
    hub = FakeHub()
    ledger, receipt = kept(signed(("received",) * 4))
    hub.tells("/v1/submissions/sub_1", results("archived", "waiting-record", "quarantined", "duplicate"))
    account = await accounted(ledger, hub.client("chk_operator", ledger))
    assert account.of([receipt]) == {"archived": 1, "waiting": 1, "quarantined": 1, "duplicates": 1}
    assert account.lost == []
    assert {key for _, _, key in hub.asked} == {"Bearer chk_supplier"}


async def test_an_entry_that_its_submission_does_not_name_is_looked_for_in_the_trail() -> None:
    hub = FakeHub()
    ledger, _ = kept(signed())
    hub.tells("/v1/submissions/sub_1", results("archived"))
    hub.tells("/v1/trail", {"arrivals": [{"submission": "sub_1", "index": 1, "state": "archived"}]})
    account = await accounted(ledger, hub.client(ledger=ledger))
    assert account.total("archived") == 2


async def test_another_arrival_of_the_same_entry_accounts_for_nothing() -> None:
    hub = FakeHub()
    ledger, _ = kept(signed())
    hub.tells("/v1/submissions/sub_1", results("archived"))
    hub.tells("/v1/trail", {"arrivals": [{"submission": "sub_0", "index": 1, "state": "archived"}]})
    account = await accounted(ledger, hub.client(ledger=ledger))
    assert [entry.id for entry in account.lost] == ["e1"]


async def test_an_entry_that_is_only_received_is_not_accounted_for() -> None:
    hub = FakeHub()
    ledger, _ = kept(signed())
    hub.tells("/v1/submissions/sub_1", results("archived", "received"))
    account = await accounted(ledger, hub.client(ledger=ledger))
    assert [entry.id for entry in account.lost] == ["e1"]


async def test_a_planted_loss_is_found() -> None:
    hub = FakeHub()
    ledger, _ = kept(signed())
    ledger.plant_loss()
    hub.tells("/v1/submissions/sub_1", results("archived", "archived"))
    account = await accounted(ledger, hub.client(ledger=ledger))
    assert [entry.id for entry in account.lost] == ["never-sent"]


async def test_what_cannot_be_taken_just_now_is_sent_again() -> None:
    hub = FakeHub()
    hub.tells("/v1/events", {"code": "kafka-away"}, 503, retry_after="0")
    hub.tells("/v1/events", {"receipt": signed(("received",))}, 202)
    receipt = await hub.client(ledger=Ledger(PUBLIC)).post([{"id": "e0"}])
    assert len(receipt.entries) == 1
    assert len(hub.asked) == 2


async def test_a_refusal_says_what_the_hub_said() -> None:
    hub = FakeHub()
    hub.tells("/v1/keys", {"code": "owner-not-allowed", "title_zh": "无权报送", "errors": [{"code": "x"}]}, 403)
    with pytest.raises(Refused, match="owner-not-allowed"):
        await hub.client().send("/v1/keys", {})


def test_the_signature_is_over_everything_but_itself() -> None:
    raw = signed()
    assert len(base64.b64decode(raw["signature"])) == 64
    assert receipts.verify(raw, PUBLIC, lambda *_: True) == ()
