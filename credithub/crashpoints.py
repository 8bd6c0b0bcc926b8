"""Understands the moments at which a process may be killed: the closed list that chaos draws from."""

from __future__ import annotations

import os
import signal
from pathlib import Path

VARIABLE = "CREDITHUB_CRASH"  # "<point>[:<nth hit>]"; unset outside chaos
LEDGER = "CREDITHUB_CRASH_LEDGER"  # a file to which each hit is appended before the kill

POINTS = frozenset(
    {
        "gateway.after_some_sent",
        "gateway.after_sent_before_answer",
        "ingest.after_send_before_commit",
        "ingest.after_commit",
        "matcher.after_write_before_commit",
        "matcher.after_commit",
        "relay.after_read_before_send",
        "relay.after_send_before_mark",
        "relay.after_mark",
        "notifier.after_take_before_commit",
        "notifier.after_write_before_commit",
        "notifier.after_commit",
        "notifier.after_begin_before_send",
        "notifier.after_send_before_conclude",
        "notifier.after_conclude",
        "notifier.after_feedback_before_commit",
        "notifier.after_revoke_before_topics",
        "notifier.after_topics_before_users",
        "notifier.after_users_before_rights",
        "notifier.after_rights_before_memory",
    }
)

_hits: dict[str, int] = {}


def crashpoint(name: str) -> None:
    """Dies here, as by kill -9, when chaos asked for this point; otherwise does nothing."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    point, _, nth = wanted.partition(":")
    if point != name:
        return
    _hits[name] = _hits.get(name, 0) + 1
    if _hits[name] < int(nth or 1):
        return
    ledger = os.environ.get(LEDGER)
    if ledger:
        with Path(ledger).open("a", encoding="utf-8") as file:
            file.write(name + "\n")
            file.flush()
            os.fsync(file.fileno())
    os.kill(os.getpid(), signal.SIGKILL)
