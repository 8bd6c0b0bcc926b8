"""Understands what a supplier holds in its hands: the outcome when it asks to wait, a receipt that needs no hub."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import papers
from tests.harness.ground import ROOT
from tests.harness.hub import STRUCTURED, Holder, Hub, JsonObject, codes

CREDITHUB = [sys.executable, "-c", "from credithub.cli.main import main; main()"]


@pytest.fixture
def bureau(hub: Hub) -> Holder:
    return hub.supplier(f"mnr-{hub.county()}", "licence")


def licence(hub: Hub, bureau: Holder, **changed: Any) -> JsonObject:
    who = hub.organisation()
    data = papers.licence(papers.subject(who), f"演许〔2026〕{who.number}号") | changed
    return bureau.event("licence.granted", data, hub.id("licence"))


def verify(folder: Path, told: object, key: str, sent: bytes = b"") -> subprocess.CompletedProcess[str]:
    """The command, in a process that knows of no hub."""
    (folder / "receipt.json").write_text(json.dumps(told), encoding="utf-8")
    (folder / "sent").write_bytes(sent)
    command = [*CREDITHUB, "receipt", "verify", str(folder / "receipt.json"), "--key", key]
    command += ["--sent", str(folder / "sent")] if sent else []
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "HOME": str(folder)}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_who_asks_to_wait_reads_the_outcome_of_each_entry_in_the_answer(hub: Hub, bureau: Holder) -> None:
    good, bad = licence(hub, bureau), licence(hub, bureau, licence={"category": "普通"})
    waiting = licence(hub, bureau, subject=papers.old_subject(hub.organisation()))
    foreign = licence(hub, bureau) | {"source": "//somebody/else"}
    answer = bureau.post(good, bad, waiting, foreign, wait=10)
    told = answer.ok(207)
    assert answer.headers["preference-applied"] == "wait=10"
    assert (told["received"], told["refused"]) == (3, 1)
    assert [entry["state"] for entry in told["entries"]] == ["archived", "quarantined", "waiting-subject", "refused"]
    assert told["entries"][0]["record"]
    assert codes(told["entries"][1]) == {("licence.content", "required-missing")}
    assert codes(told["entries"][3]) == {("source", "source-not-granted")}
    assert (
        bureau.post(licence(hub, bureau) | {"source": "//x"}).problem(422, "entries-refused")["errors"][0]["index"] == 0
    )


def test_who_does_not_wait_is_answered_at_once_and_finds_the_outcome_later(hub: Hub, bureau: Holder) -> None:
    event = licence(hub, bureau)
    answer = bureau.call("POST", "/v1/events", body=json.dumps(event).encode(), headers={"content-type": STRUCTURED})
    told = answer.ok(202)
    assert "preference-applied" not in answer.headers
    assert told["entries"] == [{"index": 0, "id": event["id"], "state": "received"}]
    assert bureau.decided(told["submission"])["archived"] == 1


@pytest.mark.requirement("R246")
def test_a_receipt_is_verified_offline_and_an_altered_one_is_not(hub: Hub, bureau: Holder, tmp_path: Path) -> None:
    events = [licence(hub, bureau) for _ in range(3)]
    sent = json.dumps(events).encode()
    headers = {"content-type": "application/cloudevents-batch+json"}
    told = bureau.call("POST", "/v1/events", body=sent, headers=headers).ok(202)
    key = hub.door.call("GET", "/v1/receipt-key").ok()["public_key"]

    good = verify(tmp_path, told, key, sent)
    assert good.returncode == 0, good.stderr
    assert told["submission"] in good.stdout
    assert "回执属实" in good.stdout
    altered = told["receipt"] | {"received_at": "2020-01-01T00:00:00.000000Z"}
    refused = verify(tmp_path, altered, key)
    assert (refused.returncode, "signature-wrong" in refused.stderr) == (1, True)
    other = json.dumps([*events[:2], licence(hub, bureau)]).encode()
    refused = verify(tmp_path, told, key, other)
    assert (refused.returncode, "sent-differs" in refused.stderr) == (1, True)


def test_a_files_receipt_is_verified_against_the_file_itself(hub: Hub, tmp_path: Path) -> None:
    bureau, table = hub.supplier(f"mwr-{hub.county()}", "licence"), papers.table(73_000, 3)
    told = bureau.send_file("licence-2018", table, "许可.csv").ok(202)
    key = json.dumps(hub.door.call("GET", "/v1/receipt-key").ok())
    (tmp_path / "key.json").write_text(key, encoding="utf-8")
    assert verify(tmp_path, told, str(tmp_path / "key.json"), table).returncode == 0
    assert verify(tmp_path, told, str(tmp_path / "key.json"), table + b" ").returncode == 1
