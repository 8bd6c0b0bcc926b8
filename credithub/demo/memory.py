"""Understands what the demonstration must remember from one run to the next: what it was told once, how far it read."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from credithub.embedded.passwords import private

FILE, RUNS = "demo.json", "demo.runs"


@dataclass(slots=True)
class Memory:
    """Kept in the data folder, readable by its owner alone; `save` before anything is done with it."""

    path: Path
    suppliers: dict[str, str] = field(default_factory=dict[str, str])  # agency → supplier key
    agencies: dict[str, str] = field(default_factory=dict[str, str])  # agency → key with which it pulls and answers
    kafka: dict[str, str] = field(default_factory=dict[str, str])  # agency → password of its own user
    cursors: dict[str, str] = field(default_factory=dict[str, str])  # agency → where its pull feed goes on
    positions: dict[str, int] = field(default_factory=dict[str, int])  # topic of an agency → next offset

    @staticmethod
    def of(data: Path) -> Memory:
        path = data / FILE
        memory = Memory(path=path)
        if path.exists():
            for name, value in json.loads(path.read_text(encoding="utf-8")).items():
                setattr(memory, name, value)
        return memory

    def next_run(self) -> int:
        """The number that makes this run's facts its own. Kept apart: another run may go on beside this one."""
        file = self.path.with_name(RUNS)
        run = int(file.read_text(encoding="ascii")) + 1 if file.exists() else 1
        private(file, f"{run}\n")
        return run

    def save(self) -> None:
        told = {name: value for name, value in asdict(self).items() if name != "path"}
        private(self.path, json.dumps(told, indent=1))
