"""Understands where the day is played: a hub started for it, or one that runs already on the same data folder."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from credithub.demo.desks import Broker
from credithub.demo.narration import Narrator
from credithub.embedded.options import Options
from credithub.embedded.stack import Stack
from credithub.embedded.state import Context, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A running hub, and an operator's key to it."""

    data: Path
    context: Context
    broker: Broker


@contextmanager
def place(data: Path, narrator: Narrator) -> Generator[Place]:
    """Stops at the end what it started itself, nothing else."""
    state = State.read(data)
    context = Context.read(data)
    if state is not None and state.alive() and state.ready and context is not None:
        narrator.say("attached", url=context.url)
        yield _place(data, context, Options.from_env())
        return
    if context is None:
        narrator.say("first")
    stack = Stack(data, report=narrator)
    stack.start()
    try:
        yield _place(data, stack.context, stack.options)
    finally:
        narrator.quiet()
        narrator.say("stopping")
        try:
            stack.stop()
        except KeyboardInterrupt:  # once more: at once
            stack.kill()
            raise
        narrator.say("stopped", data=data)


def _place(data: Path, context: Context, options: Options) -> Place:
    security = "SASL_SSL" if options.kafka.tls else "SASL_PLAINTEXT"
    authority = context.ca or options.tls_cert
    return Place(data=data, context=context, broker=Broker(bootstrap=context.kafka, security=security, ca=authority))
