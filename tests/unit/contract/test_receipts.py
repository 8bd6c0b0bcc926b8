"""Understands what a receipt proves: every alteration is found, and a copy of what was sent can be held against it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner

from credithub.cli.receipt import app
from credithub.domain import receipts
from credithub.domain.events import digest_of
from credithub.domain.reasons import Reason
from credithub.vault import Vault, create_secrets, is_genuine

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Vault:
    folder = tmp_path_factory.mktemp("secrets")
    create_secrets(folder)
    return Vault.open(folder)


def signer(vault: Vault) -> receipts.Signer:
    return receipts.Signer(key_id=receipts.key_id_of(vault.public_key()), sign=vault.sign)


EVENTS: list[dict[str, Any]] = [
    {"specversion": "1.0", "id": str(n), "source": "//x", "type": "credithub.licence.granted.v1", "data": {"n": n}}
    for n in range(3)
]


def a_receipt(vault: Vault, **changes: Any) -> dict[str, Any]:
    entries = [
        receipts.entry(
            index=n, source="//x", id_=str(n), digest=digest_of("licence.granted", None, {"n": n}), state="received"
        )
        for n in range(3)
    ]
    refused = Reason(code="required-missing", field="id")
    entries.append(receipts.entry(index=3, source=None, id_=None, digest=None, state="refused", reasons=[refused]))
    values: dict[str, Any] = {
        "submission": "sub_1",
        "supplier": "mnr-130822",
        "received_at": "2026-11-22T08:00:00+08:00",
        "form": "event",
        "entries": entries,
    }
    return receipts.make(signer(vault), **(values | changes))


def a_file_receipt(vault: Vault, content: bytes) -> dict[str, Any]:
    root = receipts.Root()
    for n in range(1000):
        root.add(digest_of("licence-2018", None, {"n": str(n)}))
    file = {"digest": hashlib.sha256(content).hexdigest(), "rows": 1000, "blank": 2}
    return a_receipt(vault, form="row", entries=[], file=file, root=root.hex())


def faults(vault: Vault, receipt: object) -> tuple[str, ...]:
    return receipts.verify(receipt, vault.public_key(), is_genuine)


def test_a_receipt_as_it_was_made_is_genuine(vault: Vault) -> None:
    assert faults(vault, a_receipt(vault)) == ()
    assert faults(vault, orjson.loads(json.dumps(a_receipt(vault), indent=2))) == ()


def test_a_files_receipt_stays_small_whatever_its_rows(vault: Vault) -> None:
    receipt = a_file_receipt(vault, b"x")
    assert faults(vault, receipt) == ()
    assert len(orjson.dumps(receipt)) < 1_000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("submission", "sub_2"),
        ("supplier", "x"),
        ("received_at", "2026"),
        ("form", "row"),
        ("entries", []),
        ("root", "0"),
    ],
)
def test_any_member_altered_is_found(vault: Vault, name: str, value: object) -> None:
    assert faults(vault, a_receipt(vault) | {name: value}) == ("signature-wrong",)


def test_an_entry_altered_added_or_added_to_is_found(vault: Vault) -> None:
    receipt = orjson.loads(orjson.dumps(a_receipt(vault)))
    receipt["entries"][1]["state"] = "refused"
    assert faults(vault, receipt) == ("signature-wrong",)
    assert faults(vault, a_receipt(vault) | {"comment": "x"}) == ("signature-wrong",)
    assert faults(vault, a_receipt(vault) | {"file": {"digest": "0"}}) == ("signature-wrong",)


@pytest.mark.parametrize("signature", ["", "!!", base64.b64encode(b"0" * 64).decode(), "AAAA"])
def test_a_signature_of_any_other_form_is_found(vault: Vault, signature: str) -> None:
    assert faults(vault, a_receipt(vault) | {"signature": signature}) == ("signature-wrong",)


def test_another_hubs_receipt_is_told_apart(vault: Vault, tmp_path: Path) -> None:
    create_secrets(tmp_path)
    other = Vault.open(tmp_path)
    assert faults(vault, a_receipt(other)) == ("other-key",)
    forged = a_receipt(other) | {"key_id": receipts.key_id_of(vault.public_key())}
    assert faults(vault, forged) == ("signature-wrong",)


@pytest.mark.parametrize("receipt", [None, [], "x", {}, {"receipt": "1"}])
def test_what_is_no_receipt_is_said_to_be_none(vault: Vault, receipt: object) -> None:
    assert faults(vault, receipt) == ("not-a-receipt",)


def test_a_later_version_is_not_guessed_at(vault: Vault) -> None:
    assert faults(vault, a_receipt(vault) | {"receipt": "9"}) == ("version-unknown",)


def test_a_root_that_does_not_follow_is_found_even_when_signed(vault: Vault) -> None:
    assert faults(vault, a_receipt(vault, root="0" * 64)) == ("root-wrong",)


def test_the_order_of_digests_makes_the_root() -> None:
    assert receipts.root_of(["a", "b"]) != receipts.root_of(["b", "a"])
    root = receipts.Root()
    root.add("a")
    root.add("b")
    assert root.hex() == receipts.root_of(["a", "b"]) == hashlib.sha256(b"a\nb\n").hexdigest()


def test_no_value_of_a_refused_entry_stands_in_a_receipt(vault: Vault) -> None:
    reason = Reason(code="CHARSET@3", field="subject.unified_code", value="planted", hint="planted")
    entry = receipts.entry(index=0, source=None, id_=None, digest=None, state="refused", reasons=[reason])
    assert "planted" not in repr(a_receipt(vault, entries=[entry]))


PEM_HEAD = bytes.fromhex("302a300506032b6570032100")


@pytest.mark.parametrize("form", ["hex", "base64", "pem", "raw", "answer", "text"])
def test_the_command_says_yes(vault: Vault, tmp_path: Path, form: str) -> None:
    key = vault.public_key()
    pem = b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(PEM_HEAD + key) + b"\n-----END PUBLIC KEY-----\n"
    forms = {"hex": key.hex().encode() + b"\n", "base64": base64.b64encode(key), "pem": pem, "raw": key}
    forms["answer"] = orjson.dumps({"algorithm": "Ed25519", "public_key": base64.b64encode(key).decode()})
    given = key.hex() if form == "text" else str(_written(tmp_path / "hub.pub", forms[form]))
    result = _verify(tmp_path, a_receipt(vault), given)
    assert (result.exit_code, "sub_1" in result.output) == (0, True)


def test_the_command_takes_the_answer_that_brought_the_receipt(vault: Vault, tmp_path: Path) -> None:
    answer = {"receipt": a_receipt(vault), "submission": "sub_1", "state": {}}
    assert _verify(tmp_path, answer, vault.public_key().hex()).exit_code == 0


def test_the_command_says_no_and_why_in_both_languages(vault: Vault, tmp_path: Path) -> None:
    result = _verify(tmp_path, a_receipt(vault) | {"supplier": "x"}, vault.public_key().hex())
    assert result.exit_code == 1
    assert "签名不符" in result.output
    assert "The signature fails" in result.output
    assert _verify(tmp_path, "not json at all", vault.public_key().hex()).exit_code == 1


def test_a_key_that_is_none_is_a_wrong_use(vault: Vault, tmp_path: Path) -> None:
    assert _verify(tmp_path, a_receipt(vault), "no-such-file").exit_code == 2


def test_what_was_sent_is_held_against_the_receipt(vault: Vault, tmp_path: Path) -> None:
    key = vault.public_key().hex()
    sent = _written(tmp_path / "sent.json", orjson.dumps([*EVENTS, {"specversion": "1.0"}]))
    assert _verify(tmp_path, a_receipt(vault), key, sent).exit_code == 0
    altered = _written(tmp_path / "altered.json", orjson.dumps([*EVENTS[:2], EVENTS[0], {}]))
    assert "sent-differs" in _verify(tmp_path, a_receipt(vault), key, altered).output
    shorter = _written(tmp_path / "shorter.json", orjson.dumps(EVENTS[0]))
    assert "sent-differs" in _verify(tmp_path, a_receipt(vault), key, shorter).output
    broken = _written(tmp_path / "broken.json", b"[")
    assert "sent-unreadable" in _verify(tmp_path, a_receipt(vault), key, broken).output


def test_a_file_that_was_sent_is_held_against_its_receipt(vault: Vault, tmp_path: Path) -> None:
    key = vault.public_key().hex()
    receipt = a_file_receipt(vault, b"the table")
    assert _verify(tmp_path, receipt, key, _written(tmp_path / "a.csv", b"the table")).exit_code == 0
    assert _verify(tmp_path, receipt, key, _written(tmp_path / "b.csv", b"another")).exit_code == 1


def _verify(folder: Path, receipt: object, key: str, sent: Path | None = None) -> Any:
    file = _written(folder / "receipt.json", orjson.dumps(receipt))
    more = ["--sent", str(sent)] if sent else []
    return CliRunner().invoke(app, ["verify", str(file), "--key", key, *more])


def _written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path
