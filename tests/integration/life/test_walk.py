"""Understands the laws of design.md §4 after every step of one long random walk."""

from __future__ import annotations

import os
from random import Random

from tests.harness.ground import Database
from tests.integration.life.walk import Walk


async def test_walk(database: Database) -> None:
    import time

    seed = int(os.environ.get("CREDITHUB_SEED", "1"))
    steps = int(os.environ.get("STEPS", "2000"))
    walk = await Walk.begin(database)
    random = Random(seed)
    t = time.time()
    try:
        for n in range(steps):
            await walk.step(random.getrandbits(32))
    except BaseException as e:
        print("\n".join(f"{i} {s}" for i, s in list(enumerate(walk.story))[-14:]))
        print("AT", walk.steps, time.time() - t, repr(e)[:1500])
        raise
    finally:
        print("T", time.time() - t, walk.steps, len(walk.oracle.records), len(walk.fleet.all))
        await walk.end()
