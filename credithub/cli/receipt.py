"""Understands `credithub receipt verify`: whether a receipt is this hub's promise, checked without the hub."""

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import Path
from typing import Annotated, Any, cast

import orjson
import typer

from credithub.cli.terminal import FAILED, of
from credithub.domain import receipts
from credithub.domain.events import JsonObject
from credithub.http.cloudevents import BATCH, STRUCTURED, Envelope, parse
from credithub.http.problem import Problem
from credithub.vault import is_genuine

app = typer.Typer(help="回执：离线核验 · Receipts: verify offline.", no_args_is_help=True)

_SPKI = bytes.fromhex("302a300506032b6570032100")  # what stands before the 32 bytes of an Ed25519 key in a PEM file
_SENT_FAULTS = {
    "sent-unreadable": ("报送的文件无法读取", "What was sent cannot be read"),
    "sent-differs": ("报送的文件与回执不符", "What was sent is not what the receipt is about"),
}
_TEXTS = {**receipts.FAULTS, **_SENT_FAULTS}


@app.callback()
def receipt() -> None:
    """回执 · Receipts."""


@app.command()
def verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="回执（JSON）· the receipt (JSON)")],
    key: Annotated[str, typer.Option(help="公钥：文件，或十六进制、Base64 · public key: a file, or hex, base64")],
    sent: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="当时报送的文件或请求体 · what was sent")
    ] = None,
) -> None:
    """离线核验回执；有问题则以 1 退出，并说明问题 · Check a receipt offline; exit 1 says what is wrong."""
    terminal = of(context)
    public_key = read_public_key(key)
    if public_key is None:
        raise typer.BadParameter("不是 Ed25519 公钥 · no Ed25519 public key", param_hint="--key")
    told = _receipt_in(file.read_bytes())
    faults = receipts.verify(told, public_key, is_genuine)
    if not faults and sent is not None:
        faults = _faults_of_sent(cast("JsonObject", told), sent)
    if terminal.as_json:
        terminal.data_out({"genuine": not faults, "faults": [_spoken(fault) for fault in faults]})
    if faults:
        for fault in faults:
            terminal.err.print(f"✗ {_TEXTS[fault][0]} · {_TEXTS[fault][1]} ({fault})", markup=False)
        raise typer.Exit(FAILED)
    if not terminal.as_json:
        terminal.out.print(_summary(cast("JsonObject", told)), markup=False)


def read_public_key(given: str) -> bytes | None:
    """32 bytes from a file or a text: the answer of /v1/receipt-key, PEM, hex, base64, or the bytes themselves."""
    path = Path(given)
    raw = path.read_bytes() if len(given) < 1_000 and path.is_file() else given.encode()
    if len(raw) == 32:
        return raw
    if raw.lstrip().startswith(b"{"):
        raw = _key_in(raw)
    text = "".join(line.strip() for line in raw.decode("latin-1").splitlines() if not line.startswith("-----"))
    for decode in (bytes.fromhex, _base64):
        try:
            key = decode(text).removeprefix(_SPKI)
        except ValueError:
            continue
        if len(key) == 32:
            return key
    return None


def _key_in(raw: bytes) -> bytes:
    try:
        return str(orjson.loads(raw).get("public_key", "")).encode()
    except orjson.JSONDecodeError:
        return b""


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as problem:
        raise ValueError from problem


def _receipt_in(raw: bytes) -> object:
    """The receipt itself, or the one within the answer that brought it."""
    try:
        told: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    inner: object = cast("JsonObject", told).get("receipt") if isinstance(told, dict) else None
    return cast("object", inner if isinstance(inner, dict) else told)


def _faults_of_sent(told: JsonObject, sent: Path) -> tuple[str, ...]:
    if "file" in told:
        with sent.open("rb") as file:
            return (
                () if hashlib.file_digest(file, "sha256").hexdigest() == told["file"]["digest"] else ("sent-differs",)
            )
    raw = sent.read_bytes()
    mode = BATCH if raw.lstrip().startswith(b"[") else STRUCTURED
    try:
        entries = parse([(b"content-type", mode.encode())], raw)
    except Problem:
        return ("sent-unreadable",)
    digests = {each.index: each.digest() for each in entries if isinstance(each, Envelope)}
    promised = {each["index"]: each["digest"] for each in told["entries"] if each["digest"]}
    return () if len(entries) == len(told["entries"]) and promised == digests else ("sent-differs",)


def _spoken(fault: str) -> dict[str, str]:
    return {"code": fault, "zh": _TEXTS[fault][0], "en": _TEXTS[fault][1]}


def _summary(told: JsonObject) -> str:
    states = [each["state"] for each in told["entries"]]
    counts = " · ".join(
        f"{state} {states.count(state)}" for state in ("received", "refused", "unknown") if state in states
    )
    rows = f"rows {told['file']['rows']}" if "file" in told else counts
    return f"✓ 回执属实 · genuine: {told['submission']} · {told['supplier']} · {told['received_at']} · {rows}"
