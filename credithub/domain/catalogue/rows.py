"""Understands the rows a catalogue is written in: one class a file, every reference by code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias, TypeVar, dataclass_transform

from pydantic import ConfigDict

SubjectKind: TypeAlias = Literal["organisation", "sole-trader", "natural-person"]
SubjectClass: TypeAlias = Literal[
    "enterprise", "state-firm", "public-institution", "government", "social-organisation", "other"
]
SUPERIOR_UNIT = "superior_unit"  # the department under whose code a subject's superior is told
Level: TypeAlias = Literal["county", "city", "province", "national"]
LEVELS: tuple[Level, ...] = ("county", "city", "province", "national")
Severity: TypeAlias = Literal["slight", "general", "serious"]
Rank: TypeAlias = Literal["law", "regulation", "central-policy", "ministry-rule", "ministry-policy", "local-regulation"]

T = TypeVar("T")


@dataclass_transform(frozen_default=True, kw_only_default=True)
def row(cls: type[T]) -> type[T]:
    """A frozen value that refuses unknown fields when it is read from JSON."""
    cls.__pydantic_config__ = ConfigDict(extra="forbid")  # pyright: ignore[reportAttributeAccessIssue]
    return dataclass(frozen=True, slots=True, kw_only=True)(cls)


@row
class Duration:
    number: int
    unit: Literal["working-days", "days", "months", "years"]


@row
class Manifest:
    """What a version calls itself, and from when it judges what is received."""

    version: str
    name_zh: str
    name_en: str
    effective_from: date
    illustrative: bool | None = None  # None: nobody said, and the check refuses it
    layer: Literal["national", "local"]
    division: str
    reaches: Literal["new", "active"] = "new"  # whether what it adds reaches records that are in force already
    notes_zh: tuple[str, ...] = ()
    notes_en: tuple[str, ...] = ()


@row
class Department:
    """A body of government. `valid_to` is the first day on which it was no more."""

    code: str
    name_zh: str
    name_en: str
    kind: Literal[
        "department", "party", "court", "military", "local",
        "organ", "coordination", "sector", "generic", "platform", "social", "market",
    ]  # fmt: skip
    aliases_zh: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()  # where it has offices of its own
    valid_from: date | None = None  # None: not known
    valid_to: date | None = None
    succeeded_by: str | None = None  # who answers for its duties now
    shares_with: tuple[str, ...] = ()  # others that took over a part
    note: str | None = None
    unconfirmed: tuple[str, ...] = ()  # fields from memory, not from the source text

    @property
    def acts(self) -> bool:
        """Whether it can have agencies; a field of work or "all departments concerned" cannot."""
        return self.kind in ACTING_KINDS

    def in_force(self, on: date) -> bool:
        return (self.valid_from is None or self.valid_from <= on) and (self.valid_to is None or on < self.valid_to)


ACTING_KINDS = frozenset({"department", "party", "court", "military", "local"})


@row
class Document:
    """A law or policy document that items, measures and periods rest on."""

    id: str
    title_zh: str
    title_en: str
    rank: Rank
    issued_on: date | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    note: str | None = None
    unconfirmed: tuple[str, ...] = ()


@row
class Citation:
    """The place in a document that grants or demands something, in its own words."""

    document: str
    clause: str
    quote_zh: str


@row
class Effect:
    """What a measure does, and so what an answer to it means."""

    code: str
    name_zh: str
    name_en: str
    answer_zh: str
    answer_en: str
    overdue: bool  # False: any outcome is an answer and none is ever late


@row
class Field:
    """One datum of an item: `agencies` see it, or only those whose measure grants it, or nobody beyond the `hub`."""

    path: str
    name_zh: str
    name_en: str
    share: Literal["agencies", "granted", "hub"]
    publish: Literal["public", "none"] = "none"


@row
class Item:
    """What may be recorded, by whom, on what basis, and who may see which part."""

    code: str
    name_zh: str
    name_en: str
    events: tuple[str, ...]
    subject_kinds: tuple[SubjectKind, ...]
    owners: tuple[str, ...]
    basis: tuple[Citation, ...]
    fields: tuple[Field, ...]
    list_type: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    unconfirmed: tuple[str, ...] = ()


@row
class Reason:
    """One way out of a closed list of reasons."""

    code: str
    name_zh: str
    name_en: str
    note_zh: str | None = None
    note_en: str | None = None


@row
class Entry:
    """How one gets on a list: by which event, decided at which level or above (None: courts are not asked)."""

    event: str
    level: Level | None = None
    note: str | None = None


@row
class Exit:
    """How one gets off a list."""

    event: str
    reasons: tuple[Reason, ...]


Demand: TypeAlias = Literal["basis", "notice", "parts", "level"]
ListKind: TypeAlias = Literal["serious-dishonesty", "focus", "abnormal", "red", "judgment-debtor", "third-party"]
Condition: TypeAlias = Literal["minimum-period", "duty-done", "commitment"]


@row
class Tolerance:
    """A ground for tolerance, and what the text says follows from it (国办发〔2020〕49号 八(十六))."""

    ground: Literal["force-majeure", "unintended", "slight", "minor"]
    name_zh: str
    name_en: str
    record: bool  # False: it is not recorded at all
    display: bool
    measures: bool
    citation: Citation
    unconfirmed: tuple[str, ...] = ()


@row
class RepairRule:
    """When repair may be granted for records of an item, of one severity or of all."""

    id: str
    item: str
    severity: Severity | None = None  # None: whatever it is
    minimum: Duration | None = None  # None: the display period's
    conditions: tuple[Condition, ...] = ()
    not_repairable: Citation | None = None  # law or central policy that says so
    basis: tuple[Citation, ...] = ()
    unconfirmed: tuple[str, ...] = ()


@row
class Criteria:
    """Who gets on a list, published beforehand, and how one gets off it again (国办发〔2020〕49号 四(七))."""

    document: str  # of this catalogue
    removal_conditions_zh: str
    removal_procedure_zh: str
    remedies_zh: str
    consulted_from: date
    consulted_to: date  # the last day on which anybody could comment
    evaluated_on: date | None = None  # by a third party, last


@row
class ListType:
    """A closed list: only law, regulation or central policy opens one."""

    code: str
    name_zh: str
    name_en: str
    item: str
    owners: tuple[str, ...]
    entry: Entry
    exit: Exit
    term: str
    basis: tuple[Citation, ...]
    remedy_zh: str
    remedy_en: str
    kind: ListKind | None = None
    demands: tuple[Demand, ...] = ()  # what an entry must have
    ranks: tuple[Rank, ...] = (
        "law",
        "regulation",
        "central-policy",
        "ministry-rule",
        "local-regulation",
    )  # of its basis
    waiting: str | None = None  # a period: between notice and decision
    reference_only: bool = False  # a third party's list: nobody is entered on it here, and it never triggers
    legacy: bool = False  # kept for the time of transition only (国办发〔2020〕49号 九): never triggers
    criteria: Criteria | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    unconfirmed: tuple[str, ...] = ()


@row
class Measure:
    """Who acts, how, and on whose word. `departments` are named as the document names them, abolished ones too."""

    id: str
    name_zh: str
    name_en: str
    kind: Literal["incentive", "restriction", "disincentive", "supervision"]
    binding: Literal["mandatory", "recommended"]
    effect: str
    applies_to: tuple[SubjectKind, ...]
    departments: tuple[str, ...]
    citation: Citation | None = None
    executable: bool
    because: Literal["persons-only", "no-department-named", "not-bound", "by-notice"] | None = (
        None  # why not executable
    )
    triggers: tuple[str, ...] = ()  # items
    due_working_days: int | None = None  # from the day the agency is told
    term: str | None = None  # a period
    grants: tuple[str, ...] = ()  # paths of `granted` fields this measure needs
    roles_zh: tuple[str, ...] = ()  # persons the text reaches besides; never acted on here
    precondition: str | None = None
    sensitivity: str | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    unconfirmed: tuple[str, ...] = ()

    @property
    def mandatory(self) -> bool:
        return self.binding == "mandatory"

    @property
    def by_notice(self) -> bool:
        """Whether no item triggers it: it follows only where a rule of notices says so."""
        return not self.executable and self.because == "by-notice"


@row
class RoutingRule:
    """Which of a department's agencies acts: of `levels`, in this order, the first at or above the seat."""

    id: str
    departments: tuple[str, ...]  # "*" is everyone no other rule names
    levels: tuple[Level, ...]
    text_zh: str
    text_en: str
    unconfirmed: tuple[str, ...] = ()


@row
class NoticeRule:
    """Who else is told of such a record of subjects of these classes: their `superior`, or `departments` by the seat.

    The measure is one that no item triggers (`because` by-notice); whoever is told owes nothing.
    """

    id: str
    subject_classes: tuple[SubjectClass, ...]
    items: tuple[str, ...]
    to: Literal["superior", "departments"]  # the measure's own that act
    measure: str
    text_zh: str
    text_en: str
    unconfirmed: tuple[str, ...] = ()
