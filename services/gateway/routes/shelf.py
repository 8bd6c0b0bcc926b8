"""Understands every catalogue version there is: those in the registry, and one that is only proposed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date

from credithub.domain.catalogue import Catalogue, from_json
from credithub.domain.catalogue.change import Change
from credithub.domain.catalogue.layers import Loaded, Shelf, is_local
from credithub.http.problem import Problem
from services.gateway.parts import Parts
from services.gateway.store.previews import Previews
from services.gateway.store.proposals import Proposals


@dataclass(slots=True)
class Versions:
    """Versions never change, so each is read and understood once."""

    parts: Parts
    proposals: Proposals
    previews: Previews
    _known: dict[str, Loaded] = field(default_factory=dict[str, Loaded])

    @staticmethod
    def over(parts: Parts) -> Versions:
        database = parts.stores.database
        return Versions(parts, Proposals(database), Previews(database))

    async def shelf(self) -> Shelf:
        for row in await self.parts.stores.catalogues.contents(list(self._known)):
            catalogue = await asyncio.to_thread(from_json, row["content"])
            self._known[row["version"]] = Loaded(
                catalogue=catalogue, effective_from=row["effective_from"], place=len(self._known)
            )
        return Shelf(tuple(self._known.values()))

    async def with_proposed(self, version: str) -> Shelf:
        """All of them, and this one as if it were approved now. Problem where there is none of that name."""
        shelf = await self.shelf()
        if version in self._known:
            return shelf
        row = await self.proposals.find(version)
        if row is None:
            raise Problem("not-found")
        catalogue = await asyncio.to_thread(from_json, row["content"])
        place = len(self._known)
        return Shelf((*shelf.versions, Loaded(catalogue=catalogue, effective_from=row["effective_from"], place=place)))

    async def compared_with(self, catalogue: Catalogue, on: date) -> Catalogue | None:
        """The version that this one would follow on that day: the national one, or the one of its division."""
        edition = (await self.shelf()).on(on)
        if edition is None or not is_local(catalogue):
            return edition.national if edition else None
        division = catalogue.content.manifest.division
        return next((each for each in edition.local if each.content.manifest.division == division), None)

    async def change(self, version: str) -> Change:
        """What this version brings on its day, or where that has come, what it would bring today."""
        shelf = await self.with_proposed(version)
        after, before = shelf.since(version), shelf.before(version)
        if after is None:
            raise Problem("catalogue-missing")  # a local version before any national one
        loaded = next(each for each in shelf.versions if each.version == version)
        on = max(loaded.effective_from, self.parts.standing.on)
        agencies = await self.previews.agencies(on)
        known = {each.version: each.catalogue for each in shelf.versions}
        return Change(before=before, at=after, after=after, on=on, agencies=agencies, known=known)
