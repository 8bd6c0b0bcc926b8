"""Understands how the tests' Chromium is started: the machine's own, without a word to the outside."""

from __future__ import annotations

from typing import Any

from tools.need_chromium import browser

OPTIONS: dict[str, Any] = {
    "executable_path": browser(),
    "args": [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ],
}
