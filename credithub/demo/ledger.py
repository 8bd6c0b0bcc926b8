"""Understands what a posting client holds in its hands: receipts, verified offline, and the entries they promise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, cast

from credithub.domain import receipts
from credithub.errors import CreditHubError
from credithub.vault import is_genuine

JsonObject: TypeAlias = dict[str, Any]


class NotGenuine(CreditHubError):
    """A receipt that the hub's public key does not confirm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """One entry that was promised to be kept. Of a file's row, `id` is the digest of the file and the row's number."""

    submission: str
    index: int
    source: str | None
    id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A verified receipt, the key it was given to, and its entries."""

    submission: str
    supplier: str
    form: str
    entries: tuple[Held, ...]
    raw: JsonObject
    key: str = field(default="", repr=False)


@dataclass(slots=True)
class Ledger:
    """All receipts of a run. `public_key` is the hub's, fetched once; verifying needs no hub."""

    public_key: bytes
    held: list[Receipt] = field(default_factory=list[Receipt])

    def keep(self, receipt: Receipt, key: str) -> Receipt:
        """Raises NotGenuine instead of keeping what the hub could deny."""
        faults = receipts.verify(receipt.raw, self.public_key, is_genuine)
        if faults:
            told = " · ".join("/".join(receipts.FAULTS[fault]) for fault in faults)
            raise NotGenuine(f"回执不可信 / receipt not genuine: {receipt.submission}: {told}")
        kept = replace(receipt, key=key)
        self.held.append(kept)
        return kept

    def __iter__(self) -> Iterator[Receipt]:
        return iter(self.held)

    @property
    def submitted(self) -> int:
        """Entries promised by all receipts together."""
        return sum(len(receipt.entries) for receipt in self.held)

    def plant_loss(self) -> None:
        """For tests: holds a promise of an entry that was never sent."""
        last = self.held[-1]
        ghost = Held(
            submission=last.submission, index=len(last.entries) + 1_000, source="//nobody/demo", id="never-sent"
        )
        self.held[-1] = replace(last, entries=(*last.entries, ghost))


def receipt_of(told: object) -> Receipt:
    """A receipt as the hub wrote it. Refused and unknown entries are no promise; a file's rows are."""
    raw = cast("JsonObject", told) if isinstance(told, dict) else {}
    submission = str(raw.get("submission", ""))
    return Receipt(
        submission=submission,
        supplier=str(raw.get("supplier", "")),
        form=str(raw.get("form", "")),
        entries=tuple(_rows(raw, submission) if "file" in raw else _events(raw, submission)),
        raw=raw,
    )


def _events(raw: JsonObject, submission: str) -> Iterator[Held]:
    for entry in raw.get("entries", []):
        if entry["state"] == "received":
            yield Held(submission=submission, index=entry["index"], source=entry["source"], id=entry["id"])


def _rows(raw: JsonObject, submission: str) -> Iterator[Held]:
    for index in range(raw["file"]["rows"]):
        yield Held(submission=submission, index=index, source=None, id=None)
