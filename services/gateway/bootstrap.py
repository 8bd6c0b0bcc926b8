"""Understands the very first start: `python -m services.gateway.bootstrap` makes the first operator key and prints it.

Where no catalogue was ever loaded, the shipped one (illustrative) is loaded too; where none but illustrative ones were,
so is the newer one that a newer program ships. Where an operator key exists, nothing is printed but a line on standard
error, and the exit code is 0.
"""

from __future__ import annotations

import asyncio
import sys

from credithub.clock import today
from credithub.db.engine import make_engine
from credithub.domain.catalogue import check, load, versions
from credithub.errors import ConfigurationError
from credithub.schemas import schemas_dir
from credithub.settings import Settings
from credithub.vault import Vault
from services.gateway.auth import FreshKey, KeyRing
from services.gateway.parts import Stores
from services.gateway.routes.catalogues import new_catalogue
from services.gateway.store.acts import Actor, Taken
from services.gateway.store.database import Database
from services.gateway.store.keys import NewKey

ACTOR = Actor(key="bootstrap")


async def bootstrap(settings: Settings) -> str | None:
    """The key's secret, this once; None where there is an operator key already."""
    database = Database(make_engine(settings, "gateway", pool=1))
    try:
        stores = Stores.over(database)
        await _shipped_catalogues(settings, stores)
        if await stores.keys.any_operator():
            return None
        fresh = KeyRing(Vault.open(settings.secrets_dir)).fresh()
        await stores.keys.add(_operator(fresh), ACTOR)
        return fresh.secret
    finally:
        await database.close()


async def _shipped_catalogues(settings: Settings, stores: Stores) -> None:
    """An operator's own catalogue is never joined by a shipped one."""
    loaded = await stores.catalogues.all()
    if not all(row["illustrative"] for row in loaded):
        return
    there = {row["version"] for row in loaded}
    for folder in versions(schemas_dir(settings.schemas) / "catalogue"):
        catalogue = load(folder)
        if faults := check(catalogue):
            raise ConfigurationError(f"{folder.name}: {faults[0].explain('zh')} / {faults[0].explain('en')}")
        if catalogue.version not in there and catalogue.effective_from <= today():
            try:
                await stores.catalogues.add(new_catalogue(catalogue, None), ACTOR)
            except Taken:  # another bootstrap was quicker
                return


def _operator(fresh: FreshKey) -> NewKey:
    return NewKey(
        id=fresh.id,
        prefix=fresh.prefix,
        hash=fresh.hash,
        agency=None,
        label="bootstrap",
        roles=["operator"],
        items=[],
        sources=[],
        expires_at=None,
    )


def main() -> None:
    secret = asyncio.run(bootstrap(Settings.from_env()))
    if secret is None:
        sys.stderr.write("已有运营密钥，未再生成 / an operator key exists; none was made\n")
    else:
        sys.stdout.write(secret + "\n")


if __name__ == "__main__":
    main()
