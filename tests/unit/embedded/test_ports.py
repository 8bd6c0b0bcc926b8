"""Understands that a port is the usual one, or a free one with the name of who holds the usual."""

from __future__ import annotations

import socket
from collections.abc import Generator

import pytest

from credithub.embedded import ports


@pytest.fixture
def taken() -> Generator[int]:
    """A port that this very process listens on."""
    with socket.socket() as listener:
        listener.bind((ports.LOOPBACK, 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_the_usual_port_is_taken_when_it_is_free() -> None:
    usual = ports.any_free()
    choice = ports.choose(usual)
    assert choice.port == usual
    assert not choice.moved


def test_a_taken_port_is_left_and_its_holder_named(taken: int) -> None:
    choice = ports.choose(taken)
    assert choice.port != taken
    assert choice.moved
    assert "python" in choice.holder
    assert "pid" in choice.holder


def test_a_port_already_promised_is_not_given_twice() -> None:
    first = ports.any_free()
    assert ports.choose(first, avoid=[first]).port != first


def test_no_outgoing_connection_can_be_given_the_port_of_a_server_that_is_down() -> None:
    first = int(ports.PASSING.read_text(encoding="ascii").split()[0])
    assert all(ports.LEAST <= ports.any_free() < first for _ in range(20))


def test_zero_asks_for_any_port_and_is_no_move() -> None:
    choice = ports.choose(0)
    assert choice.port > 0
    assert not choice.moved


def test_listening_is_told_from_free(taken: int) -> None:
    assert ports.listening(taken)
    assert not ports.free(taken)
    assert not ports.listening(ports.any_free())
