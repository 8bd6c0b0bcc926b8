"""Understands the catalogue versions in the registry: they never change, so each is read once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from credithub.db.engine import AsyncEngine, away, text
from credithub.db.values import as_json
from credithub.domain.catalogue import Catalogue, from_json
from credithub.errors import Unavailable

UNKNOWN = text("SELECT version, content FROM gateway.catalogues_v WHERE NOT (version = ANY(CAST(:known AS text[])))")


@dataclass(slots=True)
class Catalogues:
    """Versions by name, as events are stamped with them."""

    engine: AsyncEngine
    known: dict[str, Catalogue] = field(default_factory=dict[str, Catalogue])

    def __getitem__(self, version: str) -> Catalogue:
        """KeyError where `have` was not asked before."""
        return self.known[version]

    async def read_new(self) -> int:
        """Reads versions not known yet; gives their number. Raises Unavailable while the database is away."""
        try:
            async with self.engine.connect() as conn:
                rows = (await conn.execute(UNKNOWN, {"known": list(self.known)})).all()
        except Exception as problem:
            if away(problem):
                raise Unavailable(str(problem)) from problem
            raise
        for row in rows:
            self.known[row.version] = from_json(as_json(row.content))
        return len(rows)

    async def have(self, versions: Iterable[str]) -> None:
        """Makes sure that these versions are known. Raises Unavailable where the registry has none of that name."""
        wanted = set(versions)
        if wanted <= self.known.keys():
            return
        await self.read_new()
        if missing := sorted(wanted - self.known.keys()):
            raise Unavailable(f"catalogue {', '.join(missing)} is not in the registry")
