"""Understands what the register says of codes that belong together: who took over from whom, since when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from services.matcher.rules.filing import Filed

LinkKind: TypeAlias = Literal["recoded", "merged", "split"]
ORGANISATION_CODE = slice(8, 17)  # of the eighteen characters of a unified code
UNIFIED = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """`others` were re-coded or merged into `into`, or split off from it."""

    kind: LinkKind
    into: str
    others: tuple[str, ...]
    effective_on: str
    reverts: bool
    group: str
    by: str

    @property
    def codes(self) -> frozenset[str]:
        return frozenset((self.into, *self.others))

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """(from, to) as the archive keeps them."""
        if self.kind == "split":
            return [(self.into, other) for other in self.others]
        return [(other, self.into) for other in self.others]

    @property
    def status(self) -> str:
        """What becomes of a code that was taken over."""
        return "active" if self.reverts else self.kind


def read(filed: Filed) -> Link:
    """The link that an event of the register makes or takes back. Codes: unified codes or organisation codes."""
    data, kind = filed.event.data, filed.event.kind
    into = filed.organisation_code or ""
    by = f"{filed.event.source} {filed.event.id}"
    if kind == "subject.link-reverted":
        said = data["reversal"]
        day = str(filed.event.document.get("decided_on") or "")
        return Link(kind=said["kind"], into=into, others=_codes(said["with"]), effective_on=day, reverts=True,
                    group="reversal", by=by)  # fmt: skip
    named: tuple[LinkKind, str, Sequence[str]] = {
        "subject.recoded": ("recoded", "recoding", [data.get("recoding", {}).get("from")]),
        "subject.merged": ("merged", "merger", data.get("merger", {}).get("absorbed", ())),
        "subject.split": ("split", "division", data.get("division", {}).get("into", ())),
    }[kind]  # pyright: ignore[reportAssignmentType] - the keys and values belong together
    link, group, codes = named
    return Link(kind=link, into=into, others=_codes(codes), effective_on=str(data[group]["effective_on"]), reverts=False,
                group=group, by=by)  # fmt: skip


def _codes(said: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(code[ORGANISATION_CODE] if len(code) == UNIFIED else code for code in said))
