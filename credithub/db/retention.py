"""Understands what may be removed: by dataset and age as deploy/retention.json says, and only what is settled."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from credithub import metrics
from credithub.db.engine import AsyncEngine, TextClause, away, text
from credithub.db.restores import catching_up
from credithub.errors import ConfigurationError, Unavailable
from credithub.log import logger
from credithub.topics import DAY, HUB_TOPICS

TABLE = "retention.json"
RETENTION_SECONDS = 600.0
AT_ONCE = 1_000  # rows of one transaction
LEAST_DAYS = max(topic.retention_ms for topic in HUB_TOPICS.values()) // DAY  # what a restore may read again
BEFORE = "now() - make_interval(days => :days)"

# What is settled, by table: rows older than :days, at most :most at a time. A table that is not here is never touched.
SETTLED: Mapping[str, TextClause] = MappingProxyType(
    {
        "matcher.outbox": text(f"""
            DELETE FROM matcher.outbox AS o USING (
                SELECT epoch, id FROM matcher.outbox WHERE published AND written_at < {BEFORE} LIMIT :most) AS x
             WHERE o.epoch = x.epoch AND o.id = x.id AND o.published"""),
        "notifier.outbox": text(f"""
            DELETE FROM notifier.outbox AS o USING (
                SELECT epoch, id FROM notifier.outbox WHERE published AND made_at < {BEFORE} LIMIT :most) AS x
             WHERE o.epoch = x.epoch AND o.id = x.id AND o.published"""),
        "matcher.repeats_seen": text(f"""
            DELETE FROM matcher.repeats_seen AS r USING (
                SELECT submission, index FROM matcher.repeats_seen
                 WHERE outcome = 'duplicate' AND decided_at < {BEFORE} LIMIT :most) AS x
             WHERE r.submission = x.submission AND r.index = x.index"""),
        "matcher.feedback": text(f"""
            DELETE FROM matcher.feedback AS f USING (
                SELECT id FROM matcher.feedback WHERE outcome = 'refused' AND decided_at < {BEFORE} LIMIT :most) AS x
             WHERE f.id = x.id"""),
        "ingest.quarantine": text(f"""
            UPDATE ingest.quarantine AS q SET body = NULL FROM (
                SELECT submission, index FROM ingest.quarantine
                 WHERE body IS NOT NULL AND quarantined_at < {BEFORE} LIMIT :most) AS x
             WHERE q.submission = x.submission AND q.index = x.index"""),
        # An obligation's newest version stays until its lift is confirmed, or nobody was ever told of it.
        "notifier.deliveries": text(f"""
            WITH old AS (
                SELECT d.agency, d.message, d.channel FROM notifier.deliveries AS d
                  LEFT JOIN notifier.tasks AS t ON t.agency = d.agency AND t.obligation = d.obligation
                 WHERE d.state IN ('delivered', 'superseded', 'dropped', 'cancelled') AND d.made_at < {BEFORE}
                   AND (d.obligation IS NULL OR (d.epoch, d.version) < (t.seen_epoch, t.seen_version)
                        OR EXISTS (SELECT FROM matcher.obligations_v AS o WHERE o.obligation = d.obligation
                                    AND o.state IN ('lifted', 'cancelled')))
                 LIMIT :most),
            gone AS (
                DELETE FROM notifier.deliveries AS d USING old
                 WHERE d.agency = old.agency AND d.message = old.message AND d.channel = old.channel
                   AND d.state IN ('delivered', 'superseded', 'dropped', 'cancelled')
                RETURNING d.agency, d.message, d.channel),
            tries AS (
                DELETE FROM notifier.attempts AS a USING gone
                 WHERE a.agency = gone.agency AND a.message = gone.message AND a.channel = gone.channel
                RETURNING a.agency, a.message, a.id),
            ends AS (
                DELETE FROM notifier.outcomes AS o USING tries
                 WHERE o.agency = tries.agency AND o.message = tries.message AND o.attempt = tries.id)
            SELECT count(*) FROM gone"""),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """One table, and how many days of it are kept at least."""

    dataset: str
    table: str
    days: int


@dataclass(frozen=True, slots=True)
class Retention:
    """One service's own tables; each service removes its own rows and nobody else's."""

    engine: AsyncEngine
    keeps: Sequence[Keep]

    @staticmethod
    def of(engine: AsyncEngine, schema: str, file: Path | None = None) -> Retention:
        """Raises ConfigurationError where the table of terms asks for what may not be removed."""
        return Retention(engine, [one for one in read(file) if one.table.startswith(f"{schema}.")])

    async def run_once(self) -> int:
        """Removes one bounded batch a table; gives how many rows that were. Rests while a restore is caught up with."""
        try:
            return sum([await self._remove(one) for one in self.keeps])
        except Exception as problem:
            if away(problem):
                raise Unavailable(str(problem)) from problem
            raise

    async def _remove(self, keep: Keep) -> int:
        async with self.engine.begin() as conn:
            if await catching_up(conn):
                return 0
            done = await conn.execute(SETTLED[keep.table], {"days": keep.days, "most": AT_ONCE})
            removed = int(done.scalar_one()) if done.returns_rows else done.rowcount
        if removed:
            metrics.RETENTION_REMOVED.labels(keep.dataset).inc(removed)
            logger().info("retention.removed", dataset=keep.dataset, table=keep.table, rows=removed)
        return removed


def read(file: Path | None = None) -> list[Keep]:
    """What is to be removed, and when. Raises ConfigurationError for a table or a term that must not be."""
    rows = json.loads((file or shipped()).read_text(encoding="utf-8"))["datasets"]
    keeps = [
        Keep(dataset=row["dataset"], table=table, days=row["keep_days"])
        for row in rows
        for table in row["tables"]
        if row["keep_days"] is not None
    ]
    for keep in keeps:
        if keep.table not in SETTLED:
            raise ConfigurationError(f"{TABLE}: {keep.table} 不得删除 / is never removed")
        if keep.days < LEAST_DAYS:
            raise ConfigurationError(
                f"{TABLE}: {keep.dataset} 须不少于 {LEAST_DAYS} 天，恢复时要补读 / at least {LEAST_DAYS} days:"
                " a restore reads them again"
            )
    return keeps


def shipped() -> Path:
    """In the checkout, or beside the installed package."""
    package = Path(__file__).resolve().parents[1]
    places = (package.parent / "deploy" / TABLE, package / "_data" / TABLE)
    return next(path for path in places if path.exists())
