"""Understands when a session opens the page: only signed by us, young, not left, with a key that still may."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field

import pytest

from services.gateway.dashboard.session import DAY_SECONDS, FAILURES, IDLE_SECONDS, RENEW_SECONDS, Failures, Sessions
from services.gateway.rules import Grant

NOW = 1_795_000_000


@dataclass
class FakeKeys:
    grants: dict[str, Grant] = field(default_factory=lambda: {"k": Grant(key="k", roles=frozenset({"operator"}))})

    def who(self, token: str) -> Grant | None:
        return self.grants.get(token)

    def of_id(self, key: str) -> Grant | None:
        return self.grants.get(key)


class FakeSigner:
    def hmac(self, label: str, value: str) -> str:
        return hmac.new(b"secret", f"{label}\0{value}".encode(), hashlib.sha256).hexdigest()


@pytest.fixture
def sessions() -> Sessions:
    return Sessions(FakeSigner(), FakeKeys())


def test_a_fresh_session_opens_the_page(sessions: Sessions) -> None:
    session = sessions.begin("k", NOW)
    assert sessions.open(sessions.seal(session), NOW + 60) == session


@pytest.mark.parametrize("cookie", ["", ".", "a.b.c.d.e", "k.nonce.1.9999999999.", "密.钥", "x" * 5_000])
def test_what_we_did_not_sign_opens_nothing(sessions: Sessions, cookie: str) -> None:
    assert sessions.open(cookie, NOW) is None


def test_a_session_cannot_be_made_younger_or_anothers(sessions: Sessions) -> None:
    sealed = sessions.seal(sessions.begin("k", NOW))
    for forged in (
        sealed.replace(str(NOW), str(NOW + 9)),
        "x" + sealed[1:],
        sealed[:-1] + ("0" if sealed[-1] != "0" else "1"),
    ):
        assert sessions.open(forged, NOW) is None


def test_a_session_ends_when_nobody_looks_and_at_the_end_of_the_day(sessions: Sessions) -> None:
    session = sessions.begin("k", NOW)
    assert sessions.open(sessions.seal(session), NOW + IDLE_SECONDS + 1) is None
    at = NOW
    while at - NOW <= DAY_SECONDS:
        at += IDLE_SECONDS
        renewed = sessions.renewed(session, at)
        assert renewed is not None
        session = renewed
    assert sessions.open(sessions.seal(session), at) is None


def test_a_session_is_renewed_once_a_minute_not_at_every_look(sessions: Sessions) -> None:
    session = sessions.begin("k", NOW)
    assert sessions.renewed(session, NOW + RENEW_SECONDS - 1) is None
    assert sessions.renewed(session, NOW + RENEW_SECONDS) is not None


def test_a_session_dies_with_its_key_and_with_its_role() -> None:
    keys = FakeKeys()
    sessions = Sessions(FakeSigner(), keys)
    sealed = sessions.seal(sessions.begin("k", NOW))
    keys.grants["k"] = Grant(key="k", agency="mnr-130822", roles=frozenset({"agency", "supplier"}))
    assert sessions.open(sealed, NOW) is None
    keys.grants["k"] = Grant(key="k", roles=frozenset({"auditor"}))
    assert sessions.open(sealed, NOW) is not None
    keys.grants.clear()
    assert sessions.open(sealed, NOW) is None


def test_a_copy_of_the_cookie_opens_nothing_once_its_owner_has_left(sessions: Sessions) -> None:
    session, other = sessions.begin("k", NOW), sessions.begin("k", NOW)
    sessions.leave(session, NOW)
    assert sessions.open(sessions.seal(session), NOW) is None
    assert sessions.open(sessions.seal(other), NOW) == other


def test_a_form_is_ours_only_with_the_twin_of_its_token(sessions: Sessions) -> None:
    token = sessions.form_token("nonce")
    assert sessions.form_is_ours("nonce", token)
    assert not sessions.form_is_ours("other", token)
    assert not sessions.form_is_ours("", sessions.form_token(""))


def test_after_ten_failures_an_address_must_wait_and_others_need_not() -> None:
    failures = Failures()
    for _ in range(FAILURES):
        assert not failures.too_many("10.0.0.1")
        failures.note("10.0.0.1")
    assert failures.too_many("10.0.0.1")
    assert not failures.too_many("10.0.0.2")
