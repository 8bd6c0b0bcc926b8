"""Understands what agencies did in a period, counted: triggered to lifted, how long each took, and the four violations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from credithub.db.engine import text
from services.gateway.store.database import Database, Row

DIMENSIONS = ("department", "agency", "region", "level", "item", "measure", "provider", "month", "quarter")
OF_VIOLATIONS = ("department", "agency", "region", "level", "item", "month", "quarter")
COUNTED = (
    "delivered", "acknowledged", "executed", "declined", "overdue", "suspended", "lifted", "cancelled", "still_holding",
)  # fmt: skip
TIMED = ("deliver", "acknowledge", "execute", "decline", "lift")
PERIODS = {"month": "to_char(on_date, 'YYYY-MM')", "quarter": "to_char(on_date, 'YYYY\"Q\"Q')"}
COUNTS = ", ".join(["count(*) AS triggered", *(f"count(*) FILTER (WHERE {name}) AS {name}" for name in COUNTED)])
TIMES = ", ".join(
    f"round((percentile_cont({share}) WITHIN GROUP (ORDER BY hours_to_{name}))::numeric, 2)::float8"
    f" AS hours_to_{name}_{called}"
    for name in TIMED
    for share, called in ((0.5, "median"), (0.9, "p90"))
)
TRIGGERED = (
    "FROM hub.accounting_v WHERE on_date BETWEEN :since AND :until"
    " AND (CAST(:agency AS text) IS NULL OR agency = :agency)"
    " AND (CAST(:provider AS text) IS NULL OR provider = :provider)"
)
VIOLATIONS = ("outside-catalogue", "outside-list", "listing-without-prerequisites", "late-repair")
MOST = 10_000  # lines of one answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Both days included, in China. `agency` narrows to what one agency was told, `provider` to what its records made."""

    by: tuple[str, ...]
    since: date
    until: date
    agency: str | None = None
    provider: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What stands in metrics."""

    obligations: Mapping[str, int]
    violations: Mapping[str, int]
    holding: Mapping[str, float]


class Accounting:
    """Figures over what was triggered in a period, by any of DIMENSIONS."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turned_away: Counter[tuple[str, str, str]] = Counter()

    async def figures(self, asked: Asked) -> Sequence[Row]:
        return await self._database.rows(
            f"SELECT {_columns(asked.by)}{COUNTS}, {TIMES} {TRIGGERED}{_grouped(asked.by)} LIMIT {MOST}",
            **_values(asked),
        )

    async def violations(self, asked: Asked) -> Sequence[Row]:
        """国办发〔2020〕49号 九: counts of the four, by as many of the dimensions as a violation has."""
        by = tuple(name for name in asked.by if name in OF_VIOLATIONS)
        return await self._database.rows(
            f"SELECT {_columns(by, agency='by')}violation, sum(number)::bigint AS number FROM hub.violations_v"
            " WHERE at >= CAST(:since AS date)::timestamp AT TIME ZONE 'Asia/Shanghai'"
            " AND at < (CAST(:until AS date) + 1)::timestamp AT TIME ZONE 'Asia/Shanghai'"
            " AND (coalesce(CAST(:agency AS text), CAST(:provider AS text)) IS NULL OR by IN (:agency, :provider))"
            f"{_grouped((*by, 'violation'))} LIMIT {MOST}",
            **_values(asked),
        )

    async def shown(self, on: date) -> Shown:
        """The quarter's totals, and for how many hours each agency that holds has held."""
        asked = Asked(by=(), since=date(on.year, 3 * ((on.month - 1) // 3) + 1, 1), until=on)
        (total,) = await self._database.rows(f"SELECT {COUNTS} {TRIGGERED}", **_values(asked))
        violations: dict[str, int] = dict.fromkeys(VIOLATIONS, 0)
        violations |= {row["violation"]: row["number"] for row in await self.violations(asked)}
        holding = await self._database.rows(
            "SELECT agency, (extract(epoch FROM now() - min(since)) / 3600)::float8 AS hours FROM hub.still_holding_v"
            " GROUP BY agency"
        )
        return Shown(
            obligations={name: total[name] for name in ("triggered", *COUNTED)},
            violations=violations,
            holding={row["agency"]: row["hours"] for row in holding},
        )

    def turned_away(self, supplier: str, item: str, code: str) -> None:
        """Notes an entry that the gateway did not take in; nothing else of it is kept."""
        self._turned_away[supplier, item, code] += 1

    async def keep(self, on: date) -> int:
        """Adds what was noted since. Says how many; what could not be written is noted still."""
        noted, self._turned_away = self._turned_away, Counter()
        if not noted:
            return 0
        try:
            await self._add(on, noted)
        except BaseException:
            self._turned_away.update(noted)
            raise
        return noted.total()

    async def _add(self, on: date, noted: Counter[tuple[str, str, str]]) -> None:
        rows = sorted(noted.items())
        async with self._database.writing() as connection:
            await connection.execute(
                text(
                    "INSERT INTO gateway.refusals AS r (on_date, supplier, item, code, number)"
                    " SELECT CAST(:on AS date), s, i, c, n FROM unnest(CAST(:suppliers AS text[]), CAST(:items AS text[]),"
                    " CAST(:codes AS text[]), CAST(:numbers AS bigint[])) AS x (s, i, c, n)"
                    " ON CONFLICT (on_date, supplier, item, code) DO UPDATE SET number = r.number + EXCLUDED.number"
                ),
                {
                    "on": on,
                    "suppliers": [key[0] for key, _ in rows],
                    "items": [key[1] for key, _ in rows],
                    "codes": [key[2] for key, _ in rows],
                    "numbers": [number for _, number in rows],
                },
            )


def _columns(by: Sequence[str], **named: str) -> str:
    return "".join(f"{PERIODS.get(name) or named.get(name, name)} AS {name}, " for name in by)


def _grouped(by: Sequence[str]) -> str:
    places = ", ".join(str(n) for n in range(1, len(by) + 1))
    return f" GROUP BY {places} ORDER BY {places}" if by else ""


def _values(asked: Asked) -> dict[str, object]:
    return {
        "since": asked.since,
        "until": asked.until,
        "agency": asked.agency,
        "provider": asked.provider,
    }
