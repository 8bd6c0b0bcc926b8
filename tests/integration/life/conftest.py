"""Understands what the tests of a life stand on: a matcher on the walk's small world."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from credithub import clock
from credithub.db.catalogues import Catalogues
from credithub.db.engine import make_engine
from services.matcher.books import Books
from tests.harness.ground import Database
from tests.integration.life import world
from tests.integration.life.walk import set_day
from tests.integration.matcher.conftest import Matcher


@pytest.fixture
async def matcher(database: Database) -> AsyncGenerator[Matcher]:
    """Offices here and there, on the walk's first day, under its first catalogue."""
    set_day(world.BEGINS)
    engine = make_engine(database.settings("matcher"), "matcher")
    first = world.catalogue()
    made = Matcher(engine, Books(engine, Catalogues(engine, {first.version: first})))
    made.have(world.STANDING)
    made.books.partners = world.PARTNERS
    yield made
    await engine.dispose()
    clock.set_ahead(timedelta(0))
