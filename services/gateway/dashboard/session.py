"""Understands an operator's session: a signed cookie that dies with its key, idleness, the day, or on leaving."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field, replace
from typing import Protocol

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from services.gateway.rules import Grant

COOKIE = "credithub_ops"
FORM_COOKIE = "credithub_ops_form"
IDLE_SECONDS = 30 * 60  # a page in a visible tab asks again and again; one nobody looks at does not
DAY_SECONDS = 12 * 3600
RENEW_SECONDS = 60
FAILURES = 10  # a minute from one address; a key has 256 random bits, this only keeps the log quiet


class Keys(Protocol):
    """What is asked of the key ring: whose a key is, and whether a known one still lives."""

    def who(self, token: str) -> Grant | None: ...
    def of_id(self, key: str) -> Grant | None: ...


class Signer(Protocol):
    """The vault, as far as sessions know it."""

    def hmac(self, label: str, value: str) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who came in when; times in seconds since 1970."""

    key: str
    nonce: str
    began: int
    seen: int

    @property
    def plain(self) -> str:
        return f"{self.key}.{self.nonce}.{self.began}.{self.seen}"


@dataclass(slots=True)
class Sessions:
    """Makes, reads and ends sessions. Nothing is stored but what was left early, in this process."""

    signer: Signer
    keys: Keys
    _left: dict[str, int] = field(default_factory=dict[str, int])

    def begin(self, key: str, now: int) -> Session:
        return Session(key=key, nonce=secrets.token_hex(16), began=now, seen=now)

    def seal(self, session: Session) -> str:
        return f"{session.plain}.{self.signer.hmac('ops-session', session.plain)}"

    def open(self, cookie: str, now: int) -> Session | None:
        """The session, if the cookie is ours, not too old, and its key still opens this page."""
        plain, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self.signer.hmac("ops-session", plain).encode()):
            return None
        key, nonce, began, seen = plain.split(".")
        session = Session(key=key, nonce=nonce, began=int(began), seen=int(seen))
        if now - session.seen > IDLE_SECONDS or now - session.began > DAY_SECONDS or nonce in self._left:
            return None
        grant = self.keys.of_id(key)
        return session if grant is not None and grant.sees_all else None

    def renewed(self, session: Session, now: int) -> Session | None:
        """The same session seen again, when that is worth a new cookie."""
        return replace(session, seen=now) if now - session.seen >= RENEW_SECONDS else None

    def leave(self, session: Session, now: int) -> None:
        """A copy of the cookie opens nothing any more."""
        self._left = {nonce: began for nonce, began in self._left.items() if now - began <= DAY_SECONDS}
        self._left[session.nonce] = session.began

    def form_token(self, nonce: str) -> str:
        """What a form must carry so that no other site can have sent it; `nonce` stands in a cookie."""
        return self.signer.hmac("ops-form", nonce)

    def form_is_ours(self, nonce: str, token: str) -> bool:
        return bool(nonce) and hmac.compare_digest(token.encode(), self.form_token(nonce).encode())


class Failures:
    """Failed log-ins by address: too many, and the next are not even looked at for a while."""

    def __init__(self, per_minute: int = FAILURES) -> None:
        self._item = RateLimitItemPerMinute(per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def too_many(self, address: str) -> bool:
        return not self._limiter.test(self._item, "ops", address)

    def note(self, address: str) -> None:
        self._limiter.hit(self._item, "ops", address)
