"""Understands `make chaos N=30`: breaks a hub N times and says whether laws 1 to 3 held; the seed is printed."""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
from collections.abc import Sequence

from tests.chaos.hub import ROOT
from tests.chaos.run import Outcome, run

EVENTS_EACH = 330  # events for each fault, so that 30 faults meet 10 000 events


def main(argv: Sequence[str] | None = None) -> int:
    arguments = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    arguments.add_argument("--faults", type=int, default=30, help="故障次数 / how many faults")
    arguments.add_argument("--events", type=int, default=0, help="事件数 / how many events (default: 330 a fault)")
    arguments.add_argument(
        "--seed", type=int, default=secrets.randbelow(10**9), help="种子 / the seed of an earlier run"
    )
    asked = arguments.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the hub is stopped, too
    print(f"种子 / seed {asked.seed}", flush=True)
    outcome = run(
        ROOT / ".credithub" / "chaos",
        faults=asked.faults,
        events=asked.events or asked.faults * EVENTS_EACH,
        seed=asked.seed,
        said=lambda what: print(f"  {what}", flush=True),
    )
    _tell(outcome)
    return 0 if outcome.sound else 1


def _tell(outcome: Outcome) -> None:
    print("  ".join(f"{name} {number}" for name, number in outcome.figures.items()))
    missed = [point for point, hits in outcome.points.items() if not hits]
    print(f"崩溃点命中 / crash points hit: {len(outcome.points) - len(missed)} of {len(outcome.points)}", end="")
    print(f"（未到 / not reached: {', '.join(missed)}）" if missed else "")
    for breach in outcome.breaches[:50]:
        print(f"违反定律 / law {breach.law} broken: {breach.what}: {breach.where}")
    if outcome.unquiet:
        print(f"未平静 / never quiet: {outcome.unquiet}")
    verdict = "一切属实 / laws 1–3 held" if outcome.sound else f"失败 / FAILED with seed {outcome.seed}"
    print(verdict)


if __name__ == "__main__":
    sys.exit(main())
