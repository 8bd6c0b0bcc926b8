"""Understands how to run the bench: `python -m bench [path …]`; prints the table and writes .credithub/bench.json."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Sequence

from rich.console import Console
from rich.table import Table

from bench import ends, gateway_batch, gateway_single, ingest, matcher, preview, whole_path
from bench.hub import Hub, hub
from bench.measure import Figure
from bench.parts import ROOT, Parts, parts

ALONE: dict[str, Callable[[Parts], Awaitable[Figure]]] = {
    "ingest": ingest.measure,
    "matcher": matcher.measure,
    "preview": preview.measure,
}
WHOLE: dict[str, Callable[[Hub], Awaitable[Figure]]] = {
    "gateway-single": gateway_single.measure,
    "gateway-batch": gateway_batch.measure,
    "whole-path": whole_path.measure,
    "ends": ends.measure,
}


def main(argv: Sequence[str] | None = None) -> int:
    arguments = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    arguments.add_argument("path", nargs="*", choices=[*ALONE, *WHOLE, []], help="默认全部 / all of them by default")
    wanted = arguments.parse_args(argv).path or [*ALONE, *WHOLE]
    figures: list[Figure] = []
    if alone := [name for name in ALONE if name in wanted]:
        with parts() as made:
            figures += [_run(name, ALONE[name](made)) for name in alone]
    if whole := [name for name in WHOLE if name in wanted]:
        with hub() as running:
            figures += [_run(name, WHOLE[name](running)) for name in whole]
    _print(figures)
    _write(figures)
    return 0 if all(figure.reached for figure in figures) else 1


def _run(name: str, measuring: Awaitable[Figure]) -> Figure:
    print(f"测量 / measuring {name} …", file=sys.stderr, flush=True)
    return asyncio.run(_await(measuring))


async def _await(measuring: Awaitable[Figure]) -> Figure:
    return await measuring


def _print(figures: Sequence[Figure]) -> None:
    table = Table(title="性能与其下限 / each path beside its floor, both in this run")
    for column in ("path", "figure", "unit", "floor", "ratio", "reach", "cores", "floor cores", ""):
        table.add_column(column, justify="left" if column in ("path", "unit") else "right")
    for f in figures:
        reach = f.reach if f.most is None else f"≤ {f.most:g}"
        cells = (f.path, f.figure, f.unit, f.floor, f.ratio, reach, f.cpu, f.floor_cpu, "✓" if f.reached else "✗")
        table.add_row(
            *("—" if cell is None else f"{cell:g}" if isinstance(cell, float) else str(cell) for cell in cells)
        )
    Console().print(table)


def _write(figures: Sequence[Figure]) -> None:
    path = ROOT / ".credithub" / "bench.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    known = {row["path"]: row for row in json.loads(path.read_text(encoding="utf-8"))} if path.exists() else {}
    for f in figures:
        known[f.path] = {"path": f.path, "figure": f.figure, "unit": f.unit, "floor": f.floor, "ratio": f.ratio}
    path.write_text(json.dumps(list(known.values()), indent=1), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
