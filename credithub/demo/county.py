"""Understands how a county's agencies are brought in: by the operators' API, each once, with keys of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, TypeAlias

from credithub.demo.client import Client, Refused
from credithub.demo.decisions import source_of
from credithub.demo.memory import Memory

JsonObject: TypeAlias = dict[str, Any]
LABEL = "演示 / demo"
ANSWERS_BY_KAFKA = ("ndrc-130822", "samr-130822", "mem-130822", "mnr-130822")  # the first whose password we know
ANSWERS_BY_HTTP = "mof-130822"
PROBES = {"supplier": "submissions", "agency": "obligations"}  # what a key of this role may read


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """One row of agencies.json. Roles are those of its keys; items what it may report."""

    id: str
    name_zh: str
    name_en: str
    channels: list[str]
    roles: list[str]
    items: list[str]

    def body(self) -> JsonObject:
        """As the operators' API takes it."""
        return {
            "id": self.id,
            "name_zh": self.name_zh,
            "name_en": self.name_en,
            "channels": self.channels,
            "demo": True,
        }


def agencies() -> Sequence[Agency]:
    rows: list[JsonObject] = json.loads(files(__package__ or "").joinpath("agencies.json").read_text("utf-8"))
    return [Agency(**{name: row[name] for name in Agency.__slots__}) for row in rows]


@dataclass(slots=True)
class Onboarding:
    """Brings in whoever is missing. Everything told once is written down before the next step."""

    operator: Client
    memory: Memory

    async def run(self) -> int:
        """Gives how many agencies are new."""
        new = 0
        for agency in agencies():
            new += await self._bring_in(agency)
            if "supplier" in agency.roles:
                await self._keep(agency, "supplier", self.memory.suppliers)
            if agency.id == ANSWERS_BY_HTTP:
                await self._keep(agency, "agency", self.memory.agencies)
        return new

    async def _keep(self, agency: Agency, role: str, keys: dict[str, str]) -> None:
        """A key of this role that works."""
        if not await self._works(keys.get(agency.id), PROBES[role]):
            keys[agency.id] = await self._key(agency, role)
            self.memory.save()

    async def _bring_in(self, agency: Agency) -> bool:
        try:
            told = await self.operator.send("/v1/agencies", agency.body())
        except Refused as refusal:
            if refusal.status == 409:  # there already
                return False
            raise
        self.memory.agencies[agency.id] = told["key"]["secret"]
        if "kafka" in told:
            self.memory.kafka[agency.id] = told["kafka"]["password"]
        self.memory.save()
        return True

    async def _works(self, key: str | None, where: str) -> bool:
        """Whether this key is still taken: an operator may have disabled it since."""
        if key is None:
            return False
        try:
            await Client(session=self.operator.session, key=key, ledger=self.operator.ledger).get(
                f"/v1/{where}", limit="1"
            )  # fmt: skip
        except Refused as refusal:
            if refusal.status in (401, 403):
                return False
            raise
        return True

    async def _key(self, agency: Agency, role: str) -> str:
        body: JsonObject = {"roles": [role], "agency": agency.id, "label": LABEL}
        if role == "supplier":
            body |= {"items": agency.items, "sources": [source_of(agency.id)]}
        told = await self.operator.send("/v1/keys", body)
        return str(told["secret"])
