"""Understands how a backup is made while the services run: one moment of the database, and where Kafka was then."""

from __future__ import annotations

import tempfile
from pathlib import Path

from credithub import clock
from credithub.domain.receipts import key_id_of
from credithub.embedded import database, pgtools
from credithub.embedded.archive import Manifest, TopicEnds, pack
from credithub.embedded.database import Facts
from credithub.embedded.pgtools import Place
from credithub.errors import ConfigurationError
from credithub.kafka.offsets import Extent, extent
from credithub.settings import Settings
from credithub.topics import HUB_TOPICS
from credithub.vault import Vault


async def backup(settings: Settings, place: Place, file: Path) -> Manifest:
    """Writes the file, readable by its owner alone; gives its manifest.

    Kafka is asked first: what was published before the dump's moment may be found again, never missed.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    there = await extent(settings, sorted(HUB_TOPICS))
    async with database.connected(place) as connection:
        server = await database.server_version(connection)
        folder = pgtools.programs(place, server)
        async with database.moment(connection) as facts:
            with tempfile.TemporaryDirectory(dir=file.parent, prefix=".backup-") as room:
                dump = Path(room) / "dump"
                pgtools.dump(place, folder, dump, facts.snapshot)
                return pack(file, _manifest(facts, there, server, secrets_known_by(settings)), dump)


def usual_name(data: Path) -> Path:
    """Where a backup goes when nobody says: in the data folder, under the moment it was made."""
    return data / "backups" / f"credithub-{clock.now():%Y%m%d-%H%M%S}.tar"


def secrets_known_by(settings: Settings) -> str:
    """Tells one installation's secrets from another's, and nothing about them; empty where there are none."""
    try:
        vault = Vault.open(settings.secrets_dir)
    except ConfigurationError:
        return ""
    return vault.hmac("backup", key_id_of(vault.public_key()))[:32]


def _manifest(facts: Facts, there: Extent, server: int, secrets: str) -> Manifest:
    return Manifest(
        made_at=clock.stamp(),
        epoch=facts.epoch,
        clock_ahead_seconds=facts.clock_ahead_seconds,
        revision=facts.revision,
        catalogues=facts.catalogues,
        secrets=secrets,
        server=server,
        cluster=there.cluster,
        topics=tuple(
            TopicEnds(topic=topic, topic_id=id_, ends=ends_of(there, topic))
            for topic, id_ in sorted(there.topic_ids.items())
        ),
        positions=facts.positions,
    )


def ends_of(there: Extent, topic: str) -> tuple[int, ...]:
    """In the order of the partitions' numbers."""
    return tuple(offset for (name, _), offset in sorted(there.ends.items()) if name == topic)
