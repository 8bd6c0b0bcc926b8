"""Understands what a running gateway consists of, and keeps what it knows by heart fresh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from credithub import metrics
from credithub.clock import today
from credithub.domain.catalogue import Catalogue, from_json
from credithub.http.problem import Problem
from credithub.service import Health
from credithub.settings import Settings
from credithub.vault import Vault
from services.gateway.auth import KeyRing, RateLimit, bearer
from services.gateway.edge import Load
from services.gateway.intake import Line, Sealer
from services.gateway.outcomes import Outcomes
from services.gateway.rules import Grant
from services.gateway.sheets import Sheets
from services.gateway.store.accounting import Accounting
from services.gateway.store.agencies import Agencies
from services.gateway.store.archive import Archive
from services.gateway.store.catalogues import Catalogues
from services.gateway.store.database import Database
from services.gateway.store.history import History
from services.gateway.store.keys import Keys
from services.gateway.store.life import Life
from services.gateway.store.names import Names
from services.gateway.store.obligations import Obligations
from services.gateway.store.standing import business_date
from services.gateway.store.submissions import Submissions
from services.gateway.store.told import Told


@dataclass(slots=True)
class Standing:
    """What is in force now: the day by the business clock, the epoch, the catalogue."""

    on: date = field(default_factory=today)
    epoch: int = 0
    catalogue: Catalogue | None = None
    item_of_kind: Mapping[str, str] = field(default_factory=dict[str, str])

    def take(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        items: dict[str, str] = {}
        for item in catalogue.items:
            for event in item.events:  # of a kind that several items share, the data names the item
                items[event] = "" if event in items else item.code
        self.item_of_kind = items

    def in_force(self) -> Catalogue:
        if self.catalogue is None:
            raise Problem("catalogue-missing")
        return self.catalogue


@dataclass(slots=True, kw_only=True)
class Stores:
    """Everything that asks PostgreSQL."""

    database: Database
    keys: Keys
    agencies: Agencies
    catalogues: Catalogues
    submissions: Submissions
    archive: Archive
    history: History
    obligations: Obligations
    told: Told
    life: Life
    names: Names
    accounting: Accounting

    @staticmethod
    def over(database: Database) -> Stores:
        return Stores(
            database=database,
            keys=Keys(database),
            agencies=Agencies(database),
            catalogues=Catalogues(database),
            submissions=Submissions(database),
            archive=Archive(database),
            history=History(database),
            obligations=Obligations(database),
            told=Told(database),
            life=Life(database),
            names=Names(database),
            accounting=Accounting(database),
        )


@dataclass(slots=True, kw_only=True)
class Parts:
    """What routes are given. Made once by wiring, by tests with fakes."""

    settings: Settings
    vault: Vault
    stores: Stores
    line: Line
    sealer: Sealer
    ring: KeyRing
    rate: RateLimit
    outcomes: Outcomes
    sheets: Sheets
    health: Health
    standing: Standing = field(default_factory=Standing)
    load: Load = field(default_factory=Load)

    def caller(self, authorization: str | None, *roles: str) -> Grant:
        """Who calls. Problem when nobody we know, when too fast, or when none of `roles` is theirs."""
        token = bearer(authorization)
        if token is None:
            raise Problem("key-missing")
        grant = self.ring.who(token)
        if grant is None:
            raise Problem("key-refused")
        if not self.rate.admits(grant.key):
            raise Problem("rate-limited", limit=self.settings.rate_per_second, headers={"Retry-After": "1"})
        if roles and grant.roles.isdisjoint(roles):
            raise Problem("role-missing", role=" / ".join(roles))
        return grant

    async def refresh(self) -> int:
        """Reads keys, clock, epoch and catalogue anew; called by a loop, and after this process changed one."""
        self.ring.replace(await self.stores.keys.live())
        place = await business_date(self.stores.database)
        self.standing.on, self.standing.epoch = place["today"], place["epoch"]
        await self._refresh_catalogue()
        return 0

    async def account(self) -> int:
        """Keeps what was turned away, and shows the quarter's figures as metrics; called by a loop."""
        kept = await self.stores.accounting.keep(self.standing.on)
        figures = await self.stores.accounting.shown(self.standing.on)
        for name, number in figures.obligations.items():
            metrics.ACCOUNTING.labels(name).set(number)
        for name, number in figures.violations.items():
            metrics.VIOLATIONS.labels(name).set(number)
        metrics.HOLDING_HOURS.clear()
        for agency, hours in figures.holding.items():
            metrics.HOLDING_HOURS.labels(agency).set(hours)
        return kept

    async def _refresh_catalogue(self) -> None:
        version = await self.stores.catalogues.version_in_force(self.standing.on)
        known: Any = self.standing.catalogue
        if version is None or (known is not None and known.version == version):
            return
        row = await self.stores.catalogues.find(version)
        if row is not None:
            self.standing.take(from_json(row["content"]))
