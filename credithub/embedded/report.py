"""Understands what a start tells whoever watches it."""

from __future__ import annotations

from typing import Protocol

from credithub.embedded.ports import Choice


class Report(Protocol):
    """Who hears how a start goes; the command line draws it."""

    def downloading(self, there: int, total: int) -> None: ...

    def moved(self, name: str, choice: Choice) -> None: ...

    def done(self, part: str, detail: str, seconds: float) -> None: ...

    def died(self, name: str, deaths: int, again_in: float) -> None: ...


class Silent:
    """Hears nothing out."""

    def downloading(self, there: int, total: int) -> None: ...

    def moved(self, name: str, choice: Choice) -> None: ...

    def done(self, part: str, detail: str, seconds: float) -> None: ...

    def died(self, name: str, deaths: int, again_in: float) -> None: ...
