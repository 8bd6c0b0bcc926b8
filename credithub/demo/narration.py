"""Understands how the demonstration is told while it goes on: one line a step, progress where something takes time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.cells import set_cell_size
from rich.console import Console
from rich.status import Status

from credithub.demo.texts import Lang, text
from credithub.embedded.ports import Choice

QUIET = 3.0  # seconds between lines of progress where there is no terminal to draw on
MARK, DETAIL = 30, 44  # columns


@dataclass(slots=True)
class Narrator:
    """Progress goes to stderr, the table to stdout. Hears the start of the hub too (embedded.report.Report)."""

    lang: Lang
    out: Console = field(default_factory=lambda: Console(highlight=False))
    err: Console = field(default_factory=lambda: Console(stderr=True, highlight=False, soft_wrap=True))
    _status: Status | None = None
    _said: float = 0.0

    def text(self, name: str, **values: object) -> str:
        return text(self.lang, name, **values)

    def say(self, name: str, **values: object) -> None:
        self.err.print(self.text(name, **values), markup=False)

    def done(self, part: str, detail: str, seconds: float) -> None:
        """One step is over."""
        self.quiet()
        self.err.print(
            f"  ✓ {set_cell_size(self.text(part), MARK)} {set_cell_size(detail, DETAIL)} {seconds:6.1f} s", markup=False
        )

    def note(self, name: str, **values: object) -> None:
        self.quiet()
        self.err.print(f"  ! {self.text(name, **values)}", markup=False)

    def downloading(self, there: int, total: int) -> None:
        self._progress(f"{self.text('download')}  {there / 1e6:.0f} / {total / 1e6:.0f} MB", last=there == total)

    def moved(self, name: str, choice: Choice) -> None:
        holder = choice.holder or self.text("someone")
        self.note("moved", usual=choice.usual, holder=holder, part=name, port=choice.port)

    def died(self, name: str, deaths: int, again_in: float) -> None:
        self.note("died", part=name, deaths=deaths, again=again_in)

    def open(self, what: str, n: int) -> None:
        """Something is waited for."""
        self._progress(self.text("open", what=self.text(what), n=n), last=n == 0)

    def quiet(self) -> None:
        """Takes the line of progress away."""
        if self._status is not None:
            self._status.stop()
            self._status = None

    def _progress(self, said: str, *, last: bool) -> None:
        if self.err.is_terminal:
            if self._status is None:
                self._status = self.err.status(said)
                self._status.start()
            self._status.update(said)
        elif last or time.monotonic() - self._said > QUIET:
            self._said = time.monotonic()
            self.err.print(f"  … {said}", markup=False)
