"""Understands layers: what local versions add to the national one, for subjects seated in their division."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import lru_cache
from typing import Any, Literal, Protocol, cast

from credithub.domain.catalogue.book import Catalogue
from credithub.domain.catalogue.content import Content
from credithub.domain.catalogue.problems import Problem
from credithub.domain.divisions import above

JOIN = "+"  # between the names of the versions that a merged catalogue is made of
LOCAL_RANK = "local-regulation"


class _Dated(Protocol):
    @property
    def valid_to(self) -> date | None: ...


def lies_in(seat: str | None, division: str) -> bool:
    return seat is not None and (division == seat or division in above(seat))


def is_local(catalogue: Catalogue) -> bool:
    return catalogue.content.manifest.layer == "local"


def merged(national: Catalogue, local: Sequence[Catalogue], division: str | None) -> Catalogue:
    """What holds in a division: the national version, with what each local version above or at it adds.

    A local row never replaces a national one of the same code, nor a nearer one a wider.
    """
    layers = sorted((each for each in local if lies_in(division, _division(each))), key=_width)
    return _joined(national, tuple(layers)) if layers else national


def named(version: str, known: Callable[[str], Catalogue]) -> Catalogue:
    """The catalogue of a merged one's name, `national+local`, from the versions by theirs."""
    national, *local = version.split(JOIN)
    return _joined(known(national), tuple(map(known, local))) if local else known(national)


def _division(catalogue: Catalogue) -> str:
    return catalogue.content.manifest.division


def _width(catalogue: Catalogue) -> tuple[int, str]:
    return len(above(_division(catalogue))), _division(catalogue)


@lru_cache(maxsize=64)
def _joined(national: Catalogue, layers: tuple[Catalogue, ...]) -> Catalogue:
    content = [national.content, *(layer.content for layer in layers)]
    manifest = replace(
        national.content.manifest,
        version=JOIN.join(each.manifest.version for each in content),
        illustrative=any(each.manifest.illustrative is not False for each in content),
        layer="local",
        division=content[-1].manifest.division,
    )
    rows: dict[str, Any] = {part.name: _first(getattr(each, part.name) for each in content) for part in fields(Content)}
    rows |= {"manifest": manifest, "calendar": national.calendar}
    return Catalogue(Content(**rows))


def _first(parts: Iterable[Any]) -> tuple[Any, ...]:
    """Each row once, as the first version that has it says it."""
    found: dict[str, Any] = {}
    for rows in parts:
        for entry in cast("tuple[object, ...]", rows) if isinstance(rows, tuple) else ():
            found.setdefault(name_of(entry), entry)
    return tuple(found.values())


def name_of(entry: object) -> str:
    """What a row calls itself."""
    return str(next((getattr(entry, name) for name in ("code", "id", "ground") if hasattr(entry, name)), ""))


# ------------------------------------------------------------------------------------------------ what is in force
@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What is in force on one day: a national version and the local ones, each the newest of its division."""

    national: Catalogue
    local: tuple[Catalogue, ...] = ()

    def at(self, seat: str | None) -> Catalogue:
        return merged(self.national, self.local, seat) if self.local else self.national


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A version as the registry has it; it may be in force from another day than its manifest says."""

    catalogue: Catalogue
    effective_from: date
    place: int  # in the order in which versions were loaded

    @property
    def version(self) -> str:
        return self.catalogue.version

    @property
    def order(self) -> tuple[date, int]:
        return self.effective_from, self.place


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A day on which what is executable may change: a version begins, or something it rests on ends."""

    on: date
    version: str
    kind: Literal["begins", "ends"]


@dataclass(frozen=True, slots=True)
class Shelf:
    """All versions that were ever loaded."""

    versions: tuple[Loaded, ...]

    def on(self, day: date) -> Edition | None:
        """What is in force on this day. None before the first version."""
        newest: dict[tuple[bool, str], Catalogue] = {}
        for each in sorted(self.versions, key=lambda v: v.order):
            if each.effective_from <= day:
                local = is_local(each.catalogue)
                newest[local, _division(each.catalogue) if local else ""] = each.catalogue
        national = newest.pop((False, ""), None)
        return Edition(national=national, local=tuple(newest.values())) if national else None

    def before(self, version: str) -> Edition | None:
        """What was in force when this version began, of what had begun before it."""
        mine = self._of(version)
        return Shelf(tuple(v for v in self.versions if v.order < mine.order)).on(mine.effective_from)

    def since(self, version: str) -> Edition | None:
        """What was in force when this version had begun, and nothing later."""
        mine = self._of(version)
        return Shelf(tuple(v for v in self.versions if v.order <= mine.order)).on(mine.effective_from)

    def turns(self, until: date) -> list[Turn]:
        """Every turn up to this day, in their order; one a day and version."""
        begins = [v for v in sorted(self.versions, key=lambda v: v.order) if v.effective_from <= until]
        found = {
            (v.effective_from, v.version): Turn(on=v.effective_from, version=v.version, kind="begins") for v in begins
        }
        days = {day for v in begins for day in _last_days(v.catalogue) if v.effective_from < day <= until}
        for day in sorted(days):
            if edition := self.on(day):
                version = edition.national.version
                found.setdefault((day, version), Turn(on=day, version=version, kind="ends"))
        return sorted(found.values(), key=lambda turn: turn.on)

    def _of(self, version: str) -> Loaded:
        return next(each for each in self.versions if each.version == version)


@lru_cache(maxsize=256)
def _last_days(catalogue: Catalogue) -> frozenset[date]:
    """The first days on which a document or a measure of the catalogue is in force no more."""
    rows: list[_Dated] = [*catalogue.content.documents, *catalogue.measures]
    return frozenset(row.valid_to for row in rows if row.valid_to is not None)


# ------------------------------------------------------------------------------------------------ what is refused
def local_problems(catalogue: Catalogue) -> Iterator[Problem]:
    """A local version holds only what a local regulation says, and only below the nation."""
    if not is_local(catalogue) or JOIN in catalogue.version:
        return
    if _division(catalogue) == "000000":
        yield Problem(code="layer-without-division", file="manifest.json", id=catalogue.version)
    bases = [("items.json", item.code, item.basis) for item in catalogue.items]
    bases += [("list-types.json", entry.code, entry.basis) for entry in catalogue.list_types]
    acting = [m for m in catalogue.measures if m.executable or m.by_notice]
    bases += [("measures.json", m.id, (m.citation,) if m.citation else ()) for m in acting]
    for file, name, basis in bases:
        documents = [catalogue.document(citation.document) for citation in basis]
        if not any(document is not None and document.rank == LOCAL_RANK for document in documents):
            yield Problem(code="local-without-regulation", file=file, id=name)
