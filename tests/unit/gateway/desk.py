"""Understands a gateway without Kafka and PostgreSQL: the real application over fakes that remember."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from credithub.domain.catalogue import Catalogue, load, versions
from credithub.domain.events import SUBMISSIONS_CONTEXT, SubmittedEntry
from credithub.schemas import schemas_dir
from credithub.service import Health
from credithub.settings import Settings
from credithub.vault import Vault, create_secrets
from services.gateway.edge import App
from services.gateway.parts import Parts, Stores
from services.gateway.store.acts import Actor, Taken
from services.gateway.wiring import application, assemble
from tests.harness.asgi import Client

SOURCE = "//samr-130822/penalties"
CODE = "91130822PDY9010105"


class FakeSender:
    """A broker that acknowledges, or loses what it is told to lose."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []
        self.loses: set[int] = set()  # by place among all that was sent
        self.up = True

    async def start(self) -> None:
        return None

    async def send_all(self, topic: str, records: Sequence[tuple[bytes, bytes]]) -> list[bool]:
        first = len(self.sent)
        self.sent += [(topic, key, value) for key, value in records]
        return [place not in self.loses for place in range(first, len(self.sent))]

    async def alive(self) -> bool:
        return self.up


class FakeDatabase:
    """Answers what every route asks of the database itself."""

    def __init__(self) -> None:
        self.audit: list[dict[str, Any]] = []

    async def rows(self, sql: str, **_: object) -> list[dict[str, Any]]:
        return list(reversed(self.audit)) if "gateway.audit" in sql else []

    async def row(self, sql: str, **_: object) -> dict[str, Any] | None:
        return {"today": date(2026, 11, 22), "epoch": 1} if "hub.clock" in sql else None


class FakeKeys:
    def __init__(self, database: FakeDatabase, agencies: FakeAgencies) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self._database = database
        self._agencies = agencies

    async def live(self) -> list[dict[str, Any]]:
        moment = datetime.now(UTC)
        return [
            row | {"department": (row["agency"] or "-").rpartition("-")[0] or None}
            for row in self.rows.values()
            if row["disabled_at"] is None and (row["expires_at"] is None or row["expires_at"] > moment)
        ]

    async def page(self, *, after: str, limit: int) -> list[dict[str, Any]]:
        rows = [{n: v for n, v in row.items() if n != "hash"} for id_, row in sorted(self.rows.items()) if id_ > after]
        return rows[:limit]

    async def find(self, key: str) -> dict[str, Any] | None:
        return self.rows.get(key)

    async def add(self, key: Any, actor: Actor) -> None:
        for row in self.rows.values():
            if row["agency"] != key.agency and set(row["sources"]) & set(key.sources):
                raise Taken
        names = ("id", "prefix", "hash", "agency", "label", "roles", "items", "sources", "expires_at")
        self.rows[key.id] = {name: getattr(key, name) for name in names} | {"disabled_at": None, "rotated_to": None}
        self._database.audit.append({"id": len(self._database.audit) + 1, "action": "key.added", "actor": actor.key})

    async def rotate(self, old: str, new: Any, overlap: timedelta, actor: Actor) -> bool:
        row = self.rows[old]
        if row["disabled_at"] or row["rotated_to"]:
            return False
        await self.add(new, actor)
        row |= {"rotated_to": new.id, "expires_at": datetime.now(UTC) + overlap}
        return True

    async def disable(self, key: str, actor: Actor) -> bool:
        row = self.rows.get(key)
        if row is None or row["disabled_at"]:
            return False
        row["disabled_at"] = datetime.now(UTC)
        return True


class FakeAgencies:
    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.accounts: dict[str, Any] = {}
        self.keys: FakeKeys | None = None

    async def find(self, agency: str) -> dict[str, Any] | None:
        return self.rows.get(agency)

    async def page(self, *, after: str, limit: int) -> list[dict[str, Any]]:
        return [row for id_, row in sorted(self.rows.items()) if id_ > after][:limit]

    async def add(self, agency: Any, account: Any, key: Any, actor: Actor) -> None:
        if agency.id in self.rows:
            raise Taken
        self.rows[agency.id] = {"id": agency.id, "department": agency.department, "valid_to": None}
        self.accounts[agency.id] = account
        assert self.keys is not None
        await self.keys.add(key, actor)

    async def end(self, agency: str, on: date, actor: Actor) -> bool:
        row = self.rows.get(agency)
        if row is None or row["valid_to"]:
            return False
        row["valid_to"] = on
        assert self.keys is not None
        for key in self.keys.rows.values():
            if key["agency"] == agency:
                key["disabled_at"] = datetime.now(UTC)
        return True


class FakeCatalogues:
    def __init__(self, catalogue: Catalogue) -> None:
        self.rows = {catalogue.version: {"version": catalogue.version, "content": catalogue.to_json()}}

    async def version_in_force(self, on: date) -> str | None:
        return next(iter(self.rows), None)

    async def find(self, version: str) -> dict[str, Any] | None:
        return self.rows.get(version)

    async def all(self) -> list[dict[str, Any]]:
        return list(self.rows.values())

    async def add(self, catalogue: Any, actor: Actor) -> None:
        if catalogue.version in self.rows:
            raise Taken
        self.rows[catalogue.version] = {"version": catalogue.version, "content": catalogue.content}


ONE = frozenset(
    {"find", "subject", "record", "record_of", "obligation", "case", "received", "waits"}
)  # what one row answers


class FakeReads:
    """Every view, as lists that a test fills; a method answers what it is filled with."""

    def __init__(self) -> None:
        self.filled: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, name: str) -> Any:
        async def ask(*args: Any, **named: Any) -> Any:
            self.asked.append((name, {"args": args, **named}))
            found = self.filled.get(name, None if name in ONE else [])
            return found(*args, **named) if callable(found) else found

        return ask


class FakeAccounting(FakeReads):
    """Notes what was turned away, and answers what it is filled with."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[str, str, str]] = []

    def turned_away(self, *noted: str) -> None:
        self.noted.append(noted)  # type: ignore[arg-type]


@dataclass(slots=True)
class Desk:
    """The application, a client, and everything behind it."""

    app: App
    parts: Parts
    sender: FakeSender
    submissions: FakeReads
    archive: FakeReads
    told: FakeReads
    life: FakeReads
    database: FakeDatabase
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(self.app)

    def key(self, **grant: Any) -> str:
        """A live key with this grant; by default a supplier of penalties."""
        fresh = self.parts.ring.fresh()
        row = {
            "id": fresh.id,
            "prefix": fresh.prefix,
            "hash": fresh.hash,
            "agency": "samr-130822",
            "label": "",
            "roles": ["supplier"],
            "items": ["penalty"],
            "sources": [SOURCE],
            "expires_at": None,
            "disabled_at": None,
            "rotated_to": None,
        }
        keys: Any = self.parts.stores.keys
        keys.rows[fresh.id] = row | grant
        held = [{**row, "department": (row["agency"] or "-").rpartition("-")[0]} for row in keys.rows.values()]
        self.parts.ring.replace([row for row in held if row["disabled_at"] is None])
        return fresh.secret

    def supplier(self, **grant: Any) -> Client:
        return self.client.with_key(self.key(**grant))

    def agency(self, agency: str = "mnr-130822") -> Client:
        return self.client.with_key(self.key(agency=agency, roles=["agency"], items=[], sources=[]))

    def operator(self) -> Client:
        return self.client.with_key(self.key(agency=None, roles=["operator"], items=[], sources=[]))

    def entries(self) -> list[SubmittedEntry]:
        """What was sent, opened again."""
        return [
            SubmittedEntry.from_bytes(self.parts.vault.decrypt(value, SUBMISSIONS_CONTEXT))
            for topic, _, value in self.sender.sent
            if topic == "credit.submissions"
        ]


def desk(folder: Path, **settings: Any) -> Desk:
    """A gateway with the shipped catalogue in force."""
    create_secrets(folder / "secrets")
    vault = Vault.open(folder / "secrets")
    sender, database = FakeSender(), FakeDatabase()
    agencies = FakeAgencies()
    keys = agencies.keys = FakeKeys(database, agencies)
    submissions, archive, told, life = FakeReads(), FakeReads(), FakeReads(), FakeReads()
    archive.filled["catching_up"] = False
    submissions.filled["outcomes"] = []
    stores: Any = Stores(
        database=database,  # type: ignore[arg-type]
        keys=keys,  # type: ignore[arg-type]
        agencies=agencies,  # type: ignore[arg-type]
        catalogues=FakeCatalogues(shipped()),  # type: ignore[arg-type]
        submissions=submissions,  # type: ignore[arg-type]
        archive=archive,  # type: ignore[arg-type]
        history=archive,  # type: ignore[arg-type]
        obligations=archive,  # type: ignore[arg-type]
        life=life,  # type: ignore[arg-type]
        names=life,  # type: ignore[arg-type]
        accounting=FakeAccounting(),  # type: ignore[arg-type]
        told=told,  # type: ignore[arg-type]
    )
    parts = assemble(
        Settings(**{"spool_dir": str(folder), **settings}), vault, stores, sender, Health("gateway", ready=True)
    )
    parts.standing.take(shipped())
    parts.standing.epoch = 1
    parts.line.up = True
    return Desk(application(parts), parts, sender, submissions, archive, told, life, database)


@cache
def shipped() -> Catalogue:
    return load(versions(schemas_dir() / "catalogue")[-1])


def penalty(id_: str = "2026-0417", **changed: Any) -> dict[str, Any]:
    """A sound event of the supplier that `Desk.key` makes."""
    event = {
        "specversion": "1.0",
        "type": "credithub.penalty.imposed.v1",
        "source": SOURCE,
        "id": id_,
        "data": {
            "subject": {"name": "演示商贸有限公司", "unified_code": CODE},
            "document": {"number": "兴市监罚〔2026〕417号", "issuer": "兴隆县市场监督管理局", "decided_on": "2026-11-18"},
            "penalty": {
                "offence": "虚假宣传", "facts": "无", "basis": "反不正当竞争法第二十条", "category": "罚款",
                "content": "罚款人民币五千元", "fine_yuan": "5000.00",
            },
        },
    }  # fmt: skip
    return event | changed


STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCH = {"content-type": "application/cloudevents-batch+json"}
