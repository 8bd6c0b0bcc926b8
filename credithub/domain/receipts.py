"""Understands the receipt: what the hub promises about a submission, signed so that anyone can check it offline.

The signature (Ed25519, base64) is over the canonical bytes of all other members. `root` is the SHA-256 over the digests
of the entries in their order, each as hex and a line end; a file's receipt holds only that, not an entry a row.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from credithub.domain.events import JsonObject, canonical
from credithub.domain.reasons import Reason

VERSION = "1"
State: TypeAlias = Literal["received", "refused", "unknown"]
Genuine: TypeAlias = Callable[[bytes, bytes, bytes], bool]  # (public key, content, signature); the vault has one

_MEMBERS = {
    "receipt": str,
    "submission": str,
    "supplier": str,
    "received_at": str,
    "form": str,
    "entries": list,
    "root": str,
    "key_id": str,
    "signature": str,
}
FAULTS: Mapping[str, tuple[str, str]] = {
    "not-a-receipt": ("这不是回执，或缺少字段", "This is no receipt, or members are missing"),
    "version-unknown": ("回执版本未知", "The receipt is of an unknown version"),
    "other-key": ("回执由另一把密钥签发", "The receipt was signed with another key"),
    "signature-wrong": ("签名不符：内容被改动过，或并非该中枢签发", "The signature fails: altered, or not this hub's"),
    "root-wrong": ("摘要根与条目不符", "The root does not follow from the entries"),
    "order-wrong": ("条目不按顺序", "The entries are out of order"),
}


class Root:
    """The root of a long row of digests, made as they pass."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, digest: str) -> None:
        self._hash.update(digest.encode() + b"\n")

    def hex(self) -> str:
        return self._hash.hexdigest()


def root_of(digests: Iterable[str]) -> str:
    """The root of these digests in this order."""
    return hashlib.sha256("".join(digest + "\n" for digest in digests).encode()).hexdigest()


def key_id_of(public_key: bytes) -> str:
    """The name of a signing key: 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Who signs: the vault's `sign`, and `key_id_of` its public key."""

    key_id: str
    sign: Callable[[bytes], bytes]


def entry(
    *, index: int, source: str | None, id_: str | None, digest: str | None, state: State, reasons: Sequence[Reason] = ()
) -> JsonObject:
    """One entry of a receipt. `digest` is None where the entry could not be read."""
    told: JsonObject = {"index": index, "source": source, "id": id_, "digest": digest, "state": state}
    if reasons:
        told["reasons"] = [{"code": reason.code, "field": reason.field} for reason in reasons]
    return told


def make(
    signer: Signer,
    *,
    submission: str,
    supplier: str,
    received_at: str,
    form: Literal["event", "row"],
    entries: list[JsonObject],
    file: JsonObject | None = None,
    root: str | None = None,
) -> JsonObject:
    """A signed receipt. Of a file: no entries, `file` = {"digest", "rows", "blank"} and the `root` of its rows."""
    told: JsonObject = {
        "receipt": VERSION,
        "submission": submission,
        "supplier": supplier,
        "received_at": received_at,
        "form": form,
        "entries": entries,
        "root": root_of(_digests(entries)) if root is None else root,
        "key_id": signer.key_id,
    }
    if file is not None:
        told["file"] = file
    return told | {"signature": base64.b64encode(signer.sign(canonical(told))).decode()}


def verify(receipt: object, public_key: bytes, genuine: Genuine) -> tuple[str, ...]:
    """What is wrong with a receipt, as keys of FAULTS; nothing, if it is sound and signed with this key."""
    if not isinstance(receipt, dict) or not _is_whole(told := cast("JsonObject", receipt)):
        return ("not-a-receipt",)
    if told["receipt"] != VERSION:
        return ("version-unknown",)
    if told["key_id"] != key_id_of(public_key):
        return ("other-key",)
    if not _is_signed(told, public_key, genuine):
        return ("signature-wrong",)
    return tuple(_inner_faults(told))


def _is_whole(told: JsonObject) -> bool:
    typed = all(isinstance(told.get(name), kind) for name, kind in _MEMBERS.items())
    return typed and all(isinstance(each, dict) for each in told["entries"])


def _is_signed(told: JsonObject, public_key: bytes, genuine: Genuine) -> bool:
    try:
        signature = base64.b64decode(told["signature"], validate=True)
        content = canonical({name: value for name, value in told.items() if name != "signature"})
    except (binascii.Error, TypeError):  # TypeError: a value that we could never have written
        return False
    return genuine(public_key, content, signature)


def _inner_faults(told: JsonObject) -> Iterable[str]:
    entries: list[JsonObject] = told["entries"]
    if "file" not in told and told["root"] != root_of(_digests(entries)):
        yield "root-wrong"
    if [each.get("index") for each in entries] != sorted(each.get("index", -1) for each in entries):
        yield "order-wrong"


def _digests(entries: Iterable[JsonObject]) -> list[str]:
    return [each["digest"] for each in entries if each.get("digest")]
