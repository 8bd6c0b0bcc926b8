"""Understands `credithub run`: the demonstration as a command of the installed program."""

from __future__ import annotations

import sys
from pathlib import Path

from credithub.demo.__main__ import perform
from credithub.demo.narration import Narrator
from credithub.demo.texts import language


def run(*, once: bool = False, data: Path = Path(".credithub"), lang: str = "") -> None:
    """演示一个县的一天 / play a county's day; --once ends after the table."""
    sys.exit(perform(data.absolute(), once=once, narrator=Narrator(language(lang or None))))
