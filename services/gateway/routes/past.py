"""Understands who may read what was known at an earlier moment: auditors, and whoever holds a receipt of that moment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from credithub.clock import CHINA
from credithub.domain.reasons import Reason
from credithub.http.problem import Problem
from services.gateway.parts import Parts
from services.gateway.routes.submissions import own_submission
from services.gateway.rules import Grant

AS_OF_HELP = (
    "当时所知：RFC 3339 时刻或日期（该日终）；仅审计 · Known then: a moment, or the end of a day; auditors only"
)
RECEIPT_HELP = "报送编号：所知以其处理完毕之时为准 · A submission's id: what was known when it had been decided"
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


async def moment_of(
    parts: Parts, grant: Grant, as_of: str | None, receipt: str | None, codes: Sequence[str], record: str | None
) -> datetime | None:  # fmt: skip
    """The moment asked for, None for now. Problem where it cannot be read, or is not this caller's to read."""
    if receipt is not None:
        return await _of_receipt(parts, grant, receipt, codes, record)
    if as_of is None:
        return None
    if "auditor" not in grant.roles:
        raise Problem("past-not-granted")
    moment = read_moment(as_of)
    if moment is None:
        raise Problem("request-invalid", reasons=[Reason(code="date-unreadable", field="as_of")])
    return moment


def read_moment(given: str) -> datetime | None:
    """A moment with its offset, or the end of a day in China; None for anything else."""
    try:
        if _DAY.fullmatch(given):
            following = date.fromisoformat(given) + timedelta(days=1)
            return datetime.combine(following, time.min, CHINA) - timedelta(microseconds=1)
        moment = datetime.fromisoformat(given.replace(" ", "+"))  # a plus sign in an address reads as a blank
        return moment.astimezone(UTC) if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


async def _of_receipt(
    parts: Parts, grant: Grant, receipt: str, codes: Sequence[str], record: str | None
) -> datetime:  # fmt: skip
    """Only a submission of the caller's own, or any for operators; and only what it was about."""
    if not grant.sees_all and not grant.supplies:
        raise Problem("past-not-granted")
    if await own_submission(parts, grant, receipt) is None:
        raise Problem("not-found")
    known = await parts.stores.history.received(receipt, codes, record)
    if known is None:
        raise Problem("past-not-granted")
    moment: datetime = known["at"]
    return moment
