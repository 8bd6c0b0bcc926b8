"""Understands how a developer keeps Kafka and PostgreSQL alone: `python -m credithub.embedded.devinfra up --data D`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from credithub.embedded.infra import STATE, Infra


def main() -> int:
    parser = argparse.ArgumentParser(prog="devinfra")
    parser.add_argument("what", choices=("up", "down", "status"))
    parser.add_argument("--data", type=Path, required=True)
    arguments = parser.parse_args()
    infra = Infra(arguments.data, wide_rights=True)
    running = infra.attach()
    if arguments.what == "up" and not running:
        infra.down()
        infra.up()
        running = True
    elif arguments.what == "down":
        infra.down()
        running = False
    sys.stdout.write(f"{'up' if running else 'down'}  {infra.data / STATE}\n")
    return 0 if running or arguments.what == "down" else 1


if __name__ == "__main__":
    sys.exit(main())
