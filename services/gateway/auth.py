"""Understands who is calling: keys are verified in memory, and what one may do is known without the database."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from credithub.clock import wall
from credithub.vault import Vault
from services.gateway.rules import Grant

SCHEME = "chk"
REFRESH_SECONDS = 2  # how long another process's change of a key may go unseen here
PREFIX = 6  # characters of the secret shown in lists


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshKey:
    """A key just made: the only moment at which `secret` exists in readable form."""

    id: str
    secret: str
    prefix: str
    hash: str


@dataclass(frozen=True, slots=True)
class _Held:
    hash: str
    expires_at: datetime | None
    grant: Grant

    def live(self) -> Grant | None:
        return self.grant if self.expires_at is None or self.expires_at > wall() else None


class KeyRing:
    """All live keys, by id. Refreshed by a loop, and at once when this process changes one."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._held: dict[str, _Held] = {}
        self._verified: dict[bytes, _Held] = {}  # by digest of the token; forgotten with every refresh

    def replace(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Takes over what the database says."""
        self._held = {row["id"]: _Held(row["hash"], row["expires_at"], _grant(row)) for row in rows}
        self._verified = {}

    def who(self, token: str) -> Grant | None:
        """Whose key this is, or None. Takes as long for a wrong secret as for an unknown key's."""
        digest = hashlib.sha256(token.encode()).digest()
        held = self._verified.get(digest) or self._verify(token, digest)
        return None if held is None else held.live()

    def _verify(self, token: str, digest: bytes) -> _Held | None:
        parts = token.split("_", 2)
        held = self._held.get(parts[1]) if len(parts) == 3 and parts[0] == SCHEME else None
        if held is None or not hmac.compare_digest(self.hash_of(token), held.hash):
            return None
        self._verified[digest] = held
        return held

    def of_id(self, key: str) -> Grant | None:
        """What a key may do that was verified before: a session ends with its key."""
        held = self._held.get(key)
        return None if held is None else held.live()

    def hash_of(self, token: str) -> str:
        return self._vault.hmac("api-key", token)

    def fresh(self) -> FreshKey:
        """`chk_<id>_<secret>`: 256 random bits."""
        id_ = base64.b32encode(secrets.token_bytes(10)).decode().lower()
        secret = f"{SCHEME}_{id_}_{secrets.token_urlsafe(32)}"
        return FreshKey(
            id=id_, secret=secret, prefix=secret[: len(SCHEME) + len(id_) + 2 + PREFIX], hash=self.hash_of(secret)
        )


class RateLimit:
    """So many requests a second for each key; no key's haste is another's trouble.

    Counted by hand: the library `limits` starts a thread a hundred times a second to forget what it counted, which
    costs a request as much as everything else the gateway does to it.
    """

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = per_second
        self._clock = clock
        self._second = 0
        self._counts: dict[str, int] = {}

    def admits(self, key: str) -> bool:
        second = int(self._clock())
        if second != self._second:
            self._second, self._counts = second, {}
        count = self._counts[key] = self._counts.get(key, 0) + 1
        return count <= self._most


def bearer(header: str | None) -> str | None:
    """The token of an Authorization header."""
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _grant(row: Mapping[str, Any]) -> Grant:
    return Grant(
        key=row["id"],
        agency=row["agency"],
        department=row["department"],
        roles=frozenset(row["roles"]),
        items=frozenset(row["items"]),
        sources=frozenset(row["sources"]),
    )
