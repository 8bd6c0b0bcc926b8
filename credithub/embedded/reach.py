"""Understands how the command line reaches PostgreSQL and Kafka for keeping, whether or not the hub runs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from credithub.embedded.infra import Infra
from credithub.embedded.kafka_config import Ports
from credithub.embedded.options import PREFIX
from credithub.embedded.pgtools import Place
from credithub.embedded.state import State, alone
from credithub.kafka.admin import ensure_hub_topics
from credithub.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What may be asked now, as the owner of the database and the administrator of Kafka."""

    settings: Settings
    place: Place
    up: bool  # the hub of this data folder runs


def elsewhere() -> bool:
    """Whether the environment names servers of one's own; then the data folder's are not meant."""
    return f"{PREFIX}DATABASE_URL" in os.environ


@contextmanager
def reach(data: Path) -> Generator[Reached]:
    """The servers of the environment; else those of the data folder, started for the while where they do not run."""
    if elsewhere():
        settings = Settings.from_env()
        yield Reached(settings=settings, place=Place.of(settings), up=False)
        return
    state = State.read(data)
    if state is not None and state.alive():
        yield _of(_attached(data, state), up=True)
        return
    with alone(data):
        if state is not None:
            state.clear_up()
        infra = Infra(data)
        infra.up()
        try:
            reached = _of(infra, up=False)
            asyncio.run(ensure_hub_topics(reached.settings))
            yield reached
        finally:
            infra.down()


def _attached(data: Path, state: State) -> Infra:
    infra = Infra(data)
    infra.postgres.port = state.ports["postgres"]
    infra.kafka.ports = Ports(
        internal=state.ports["kafka"],
        agency=state.ports["kafka_agency"],
        controller=state.ports["kafka_controller"],
    )
    return infra


def _of(infra: Infra, *, up: bool) -> Reached:
    settings = infra.admin_settings()
    return Reached(settings=settings, place=Place.of(settings, own_programs=True), up=up)
