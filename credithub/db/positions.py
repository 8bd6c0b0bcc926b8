"""Understands how far a service has read each partition: a row that moves with what it caused, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from credithub.db.engine import AsyncConnection, text
from credithub.errors import Fenced


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One partition of one life of a topic: a topic made anew under the old name is another place (interleavings 6)."""

    topic: str
    topic_id: str
    partition: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """The positions of one consumer group, kept in its service's own schema."""

    schema: str
    group: str
    cluster: str

    async def load(self, conn: AsyncConnection, places: list[Place]) -> dict[Place, int]:
        """The next offset to read of each place; a place never seen begins at 0."""
        args = self._args(places)
        await conn.execute(
            text(
                f"INSERT INTO {self.schema}.positions (grp, cluster, topic, topic_id, partition, position)"
                " SELECT :grp, :cluster, t, i, p, 0 FROM unnest(CAST(:topics AS text[]), CAST(:ids AS text[]),"
                " CAST(:partitions AS int[])) AS x(t, i, p) ON CONFLICT DO NOTHING"
            ),
            args,
        )
        rows = await conn.execute(
            text(
                f"SELECT topic_id, partition, position FROM {self.schema}.positions"
                " WHERE grp = :grp AND cluster = :cluster"
            ),
            {"grp": self.group, "cluster": self.cluster},
        )
        known = {(row.topic_id, row.partition): int(row.position) for row in rows}
        return {place: known[place.topic_id, place.partition] for place in places}

    async def advance(self, conn: AsyncConnection, moves: Mapping[Place, tuple[int, int]]) -> None:
        """Moves each place from what was expected to what is next. Raises Fenced if another process was here."""
        places = sorted(moves, key=lambda place: (place.topic_id, place.partition))
        args = self._args(places)
        args["was"] = [moves[place][0] for place in places]
        args["next"] = [moves[place][1] for place in places]
        done = await conn.execute(
            text(
                f"UPDATE {self.schema}.positions AS p SET position = x.next, moved_at = now()"
                " FROM unnest(CAST(:ids AS text[]), CAST(:partitions AS int[]), CAST(:was AS bigint[]),"
                " CAST(:next AS bigint[])) AS x(topic_id, partition, was, next)"
                " WHERE p.grp = :grp AND p.cluster = :cluster AND p.topic_id = x.topic_id"
                " AND p.partition = x.partition AND p.position = x.was"
            ),
            args,
        )
        if done.rowcount != len(places):
            raise Fenced(f"{self.group}: another process has moved on")

    def _args(self, places: list[Place]) -> dict[str, object]:
        return {
            "grp": self.group,
            "cluster": self.cluster,
            "topics": [place.topic for place in places],
            "ids": [place.topic_id for place in places],
            "partitions": [place.partition for place in places],
        }
