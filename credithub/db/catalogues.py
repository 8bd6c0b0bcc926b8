"""Understands the catalogue versions in the registry: they never change, so each is read once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from credithub.db.engine import AsyncEngine, away, text
from credithub.db.values import as_json
from credithub.domain.catalogue import Catalogue, from_json
from credithub.domain.catalogue.layers import JOIN, Edition, Loaded, Shelf, named
from credithub.errors import Unavailable

UNKNOWN = text("""
    SELECT version, content, effective_from FROM gateway.catalogues_v WHERE NOT (version = ANY(CAST(:known AS text[])))
     ORDER BY loaded_at, version
""")


@dataclass(slots=True)
class Catalogues:
    """Versions by name, as events are stamped with them."""

    engine: AsyncEngine
    known: dict[str, Catalogue] = field(default_factory=dict[str, Catalogue])
    shelf: Shelf = field(default_factory=lambda: Shelf(()))
    _effective: dict[str, date] = field(default_factory=dict[str, date])
    _editions: dict[date, Edition | None] = field(default_factory=dict[date, "Edition | None"])

    def __getitem__(self, version: str) -> Catalogue:
        """A version, or what `national+local` are together. KeyError where `have` was not asked before."""
        found = self.known.get(version)
        return found if found is not None else named(version, self.known.__getitem__)

    async def read_new(self) -> int:
        """Reads versions not known yet; gives their number. Raises Unavailable while the database is away."""
        try:
            async with self.engine.connect() as conn:
                rows = (await conn.execute(UNKNOWN, {"known": list(self._effective)})).all()
        except Exception as problem:
            if away(problem):
                raise Unavailable(str(problem)) from problem
            raise
        for row in rows:
            self.known[row.version] = from_json(as_json(row.content))
            self._effective[row.version] = row.effective_from
        if rows:
            self._editions.clear()
            self.shelf = Shelf(
                tuple(
                    Loaded(catalogue=self.known[version], effective_from=day, place=place)
                    for place, (version, day) in enumerate(self._effective.items())
                )
            )
        return len(rows)

    def in_force(self, on: date) -> Edition | None:
        """The national version of this day and its local ones; None where the registry has none, or was not read."""
        if on not in self._editions:
            self._editions[on] = self.shelf.on(on)
        return self._editions[on]

    async def have(self, versions: Iterable[str]) -> None:
        """Makes sure that these versions are known. Raises Unavailable where the registry has none of that name."""
        wanted = {part for version in versions for part in version.split(JOIN)}
        if wanted <= self.known.keys():
            return
        await self.read_new()
        if missing := sorted(wanted - self.known.keys()):
            raise Unavailable(f"catalogue {', '.join(missing)} is not in the registry")
