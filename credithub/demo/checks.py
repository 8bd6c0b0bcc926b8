"""Understands what must hold of a run besides its sums: each fact that was planned is found again in public reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from credithub.demo import faulty
from credithub.demo.accounts import Account
from credithub.demo.answering import Desk, final_answer
from credithub.demo.client import Client, JsonObject
from credithub.demo.duties import ENDED, Case, Duties
from credithub.demo.figures import Check, Figures
from credithub.demo.organisations import DIVISION, LATE
from credithub.demo.programme import NAMELESS, POSTED, TABLED, Programme
from credithub.demo.story import Sent, Story
from credithub.domain.catalogue import Catalogue, from_json
from credithub.domain.routing import Agencies, Agency, obligations_for

Pairs: TypeAlias = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Looks at a finished story."""

    story: Story
    desks: tuple[Desk, ...]
    account: Account
    figures: Figures

    async def checks(self) -> list[Check]:
        return [
            Check(name="check_lost", wanted=0, found=self.figures.lost),
            Check(name="check_balance", wanted=True, found=self.figures.balanced),
            *self._outcomes(),
            Check(name="check_waited", wanted=LATE + NAMELESS, found=self.story.waited),
            Check(name="check_reasons", wanted=[], found=await self._unexplained()),
            Check(name="check_conflict", wanted=["conflict"], found=await self._reasons("conflict")),
            Check(name="check_cases", wanted=TABLED + POSTED, found=self.figures.cases),
            *await self._pairs(),
            *self._removal(),
            *self._answers(),
            Check(name="check_refused", wanted=0, found=self._refused()),
        ]

    @property
    def _programme(self) -> Programme:
        return self.story.programme

    @property
    def _duties(self) -> Duties:
        return self.story.duties

    def _refused(self) -> int:
        """Answers that the hub did not take, as it says, and as the agencies were told."""
        told = sum(len(desk.refused) for desk in self.desks)
        return told + sum(f["outcome"] == "refused" for case in self._duties.cases.values() for f in case.feedback)

    def _outcomes(self) -> Iterator[Check]:
        """One line where all is well, else one for each submission that ended otherwise."""
        wrong = [check for check in map(self._outcome, self.story.sent) if not check.holds]
        yield from wrong or [Check(name="check_sent", wanted=True, found=True)]

    def _outcome(self, sent: Sent) -> Check:
        found = Counter(self.account.outcomes[sent.receipt.submission])
        if sent.either:
            found = Counter(archived=found["archived"] + found["duplicates"], waiting=found["waiting"])
        told = {"what": sent.what}
        return Check(name="check_sent", wanted=told | dict(sent.expected), found=told | dict(+found))

    async def _unexplained(self) -> list[int]:
        """Rows of the penalty table whose supplier was not told what is wrong with them."""
        told = {result["index"]: _codes(result) for result in await self._results("penalties")}
        planned = enumerate(faulty.mistakes(self._programme.today))
        return [index for index, mistake in planned if not mistake.reasons <= told.get(index, set())]

    async def _reasons(self, what: str) -> list[str]:
        return sorted({code for result in await self._results(what) for code in _codes(result)})

    async def _results(self, what: str) -> list[JsonObject]:
        receipt = self.story.of(what).receipt
        return await replace(self.story.operator, key=receipt.key).results(receipt.submission)

    async def _pairs(self) -> Iterator[Check]:
        """Computed here from the catalogue and the registry as anybody can read them, compared with each case."""
        wanted = await wanted_pairs(self.story.operator)
        wrong = [case for case in self._duties.cases.values() if case.pairs != wanted]
        found = wrong[0].pairs if wrong else wanted
        return iter([Check(name="check_pairs", wanted=_sorted(wanted - found), found=_sorted(found - wanted))])

    def _removal(self) -> Iterator[Check]:
        removed = self._programme.listings()[0].key
        for key, case in self._duties.cases.items():
            ended = [o["obligation"] for o in case.obligations if o["state"] in ENDED]
            wanted = [o["obligation"] for o in case.obligations] if key == removed else []
            if ended != wanted:
                yield Check(name="check_removal", wanted=(key[1], len(wanted)), found=(key[1], len(ended)))
                return
        yield Check(name="check_removal", wanted=True, found=bool(self._duties.cases))

    def _answers(self) -> Iterator[Check]:
        removed = self._programme.listings()[0].key
        wanted: dict[str, str] = {}
        found: dict[str, str] = {}
        for key, case in self._duties.cases.items():
            for obligation in self._answered(case):
                final = "lifted" if key == removed else final_answer(obligation["measure"])
                wanted[obligation["obligation"]] = final
                found[obligation["obligation"]] = obligation["state"]
        differing = {name for name in wanted if wanted[name] != found[name]}
        yield Check(name="check_answers", wanted=_only(wanted, differing), found=_only(found, differing))
        yield Check(name="check_answers", wanted=True, found=bool(wanted))

    def _answered(self, case: Case) -> list[JsonObject]:
        return [obligation for desk in self.desks for obligation in case.of_agency(desk.agency)]


async def wanted_pairs(operator: Client) -> Pairs:
    """(measure, agency) that the catalogue in force demands of the agencies in force, for a subject seated here."""
    listed = (await operator.get("/v1/catalogues"))["catalogues"]
    version = next(row["version"] for row in listed if row["in_force"])
    catalogue: Catalogue = from_json((await operator.get(f"/v1/catalogues/{version}"))["content"])
    rows = (await operator.get("/v1/agencies"))["agencies"]
    agencies = Agencies(
        Agency(id=row["id"], department=row["department"], division=row["division"])
        for row in rows
        if row["valid_to"] is None
    )
    planned = obligations_for(catalogue, "judgment-debtor", DIVISION, agencies, "organisation")
    return frozenset((plan.measure_id, plan.agency) for plan in planned if plan.agency is not None)


def _codes(result: JsonObject) -> set[str]:
    return {reason["code"] for reason in result["reasons"]}


def _sorted(pairs: Pairs) -> list[tuple[str, str]]:
    return sorted(pairs)


def _only(states: Mapping[str, str], names: set[str]) -> dict[str, str]:
    return {name: states[name] for name in sorted(names)}
