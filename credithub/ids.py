"""Understands how things are named: ids that sort by time, prove themselves, or follow from a key."""

from __future__ import annotations

import base64
import hashlib
import os
import time
from typing import Protocol

TAG = 10  # characters of the tag that proves a submission id to be ours (50 bits)


class Keyed(Protocol):
    """Whoever can make a keyed hash; the vault can."""

    def hmac(self, label: str, value: str) -> str: ...


def uuid7() -> str:
    """32 hex digits that sort by the moment they were made (RFC 9562, version 7)."""
    millis = time.time_ns() // 1_000_000
    rest = int.from_bytes(os.urandom(10), "big")
    value = (millis & ((1 << 48) - 1)) << 80 | rest & ((1 << 80) - 1)
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return f"{value:032x}"


def submission_id(vault: Keyed, supplier: str) -> str:
    """`sub_<uuid7>_<tag>`: the tag binds it to its supplier, so the id alone proves that we gave it."""
    body = uuid7()
    return f"sub_{body}_{_tag(vault, body, supplier)}"


def is_submission_of(vault: Keyed, submission: str, supplier: str) -> bool:
    """Whether we ever handed this id to this supplier, known without looking anything up."""
    parts = submission.split("_")
    return len(parts) == 3 and parts[0] == "sub" and parts[2] == _tag(vault, parts[1], supplier)


def record_id(fact: str) -> str:
    """A record's id follows from its fact identity, so a replay makes the same one."""
    return "rec_" + _short(fact)


def case_id(record: str) -> str:
    """A case's id follows from the record that opened it."""
    return "cas_" + _short(record)


def obligation_id(case: str, measure: str, agency: str, round_: int) -> str:
    """An obligation's id follows from its key (interleavings 28): a replay makes the same one."""
    return "obl_" + _short(f"{case}|{measure}|{agency}|{round_}")


def _tag(vault: Keyed, body: str, supplier: str) -> str:
    return vault.hmac("submission", f"{body}|{supplier}")[:TAG]


def _short(key: str) -> str:
    return base64.b32encode(hashlib.sha256(key.encode()).digest()[:15]).decode().lower()
