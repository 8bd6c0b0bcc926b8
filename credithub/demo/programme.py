"""Understands what is in a day: which facts a run states, in which file or event; each run has its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from credithub.demo import decisions, faulty, organisations, tables
from credithub.demo.decisions import Decision
from credithub.demo.organisations import Organisation
from credithub.demo.tables import GB18030, UTF8, UTF8_BOM, Row, Table

LICENCES, RESOURCES, GOOD_PENALTIES, FINES = 300, 60, 40, 3
NAMELESS = 2  # rows with a name alone: they wait for ever
TABLED, POSTED = 4, 4  # judgment debtors by file and by event
RARE = "㙍䶮𠮷（GBK 写不出的字）"


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """The facts of one run."""

    run: int
    today: date

    def registrations(self) -> list[Decision]:
        return [decisions.registration(who) for who in organisations.known()]

    def late_registrations(self) -> list[Decision]:
        return [decisions.registration(who) for who in organisations.late(self.run)]

    def licences(self) -> Table:
        shared = tables.share(organisations.known(), LICENCES)
        rows = [tables.licence(tables.APPROVAL, who, n, self.run, self.today) for n, who in enumerate(shared)]
        return tables.table("licence-2018", tables.APPROVAL, self._name("许可"), rows, UTF8_BOM)

    def licences_again(self) -> Table:
        """The same bytes a week later under another name."""
        first = self.licences()
        return Table(
            feed=first.feed,
            name=self._name("许可_下周"),
            supplier=first.supplier,
            content=first.content,
            rows=first.rows,
            expected={"duplicates": first.rows},
        )

    def resources(self) -> Table:
        return tables.table(
            "licence-2018", tables.RESOURCES, self._name("自然资源许可"), self._resource_rows(), GB18030
        )  # fmt: skip

    def resources_again(self) -> Table:
        """The same facts, exported anew in another encoding and order."""
        rows = self._resource_rows()[::-1]
        name = self._name("自然资源许可_重导")
        return tables.table("licence-2018", tables.RESOURCES, name, rows, UTF8, duplicates=len(rows))

    def penalties(self) -> Table:
        wrong = faulty.mistakes(self.today)
        shared = tables.share(organisations.known(), GOOD_PENALTIES + len(wrong))
        rows = [tables.penalty(tables.MARKET, who, n, self.run, self.today) for n, who in enumerate(shared)]
        spoiled = [faulty.spoiled(row, how) for row, how in zip(rows, wrong, strict=False)]
        rows = [*spoiled, *rows[len(wrong) :]]
        name = self._name("处罚")
        return tables.table("penalty-2018", tables.MARKET, name, rows, UTF8, quarantined=len(wrong))

    def legacy(self) -> Table:
        """Holders named by a code of before 2015, and some by nothing but a name."""
        late = organisations.late(self.run)
        rows = [tables.licence(tables.HOUSING, who, n, self.run, self.today, coded=False) for n, who in enumerate(late)]
        nameless: list[Row] = [{**row, "XK_XDR_GSZC": "", "XK_WSH": row["XK_WSH"] + "之二"} for row in rows[:NAMELESS]]
        name = self._name("住建许可_旧码")
        return tables.table("licence-2018", tables.HOUSING, name, [*rows, *nameless], UTF8, waiting=NAMELESS)

    def debtors(self) -> list[Organisation]:
        able = [who for who in organisations.known() if not who.sole_trader]
        first = (self.run - 1) * (TABLED + POSTED)
        return [able[(first + n) % len(able)] for n in range(TABLED + POSTED)]

    def debtor_table(self) -> Table:
        """With one natural person's row, which must be refused and kept nowhere."""
        rows = [tables.debtor(who, n, self.run, self.today) for n, who in enumerate(self.debtors()[:TABLED])]
        number = faulty.invented_person_number()
        person: Row = {**rows[0], "iname": "演示某人", "partyTypeName": "0", "cardNum": number}
        name = self._name("失信被执行人")
        return tables.table("judgment-debtor", tables.COURT, name, [*rows, person], GB18030, quarantined=1)

    def listings(self) -> list[Decision]:
        posted = enumerate(self.debtors()[TABLED:], start=TABLED)
        return [decisions.listing(who, n, self.run, self.today) for n, who in posted]

    def removal(self) -> Decision:
        """Of the first listing that was posted."""
        return decisions.removal(self.debtors()[TABLED], TABLED, self.run, self.today)

    def fines(self) -> list[Decision]:
        who = organisations.known()
        return [decisions.fine(who[n], n, self.run, self.today) for n in range(FINES)]

    def changed_fine(self) -> Decision:
        """Other content under the id of the first fine."""
        return decisions.fine(organisations.known()[0], 0, self.run, self.today, yuan="8000.00")

    def _resource_rows(self) -> list[Row]:
        shared = tables.share(organisations.known(), RESOURCES)
        rows = [tables.licence(tables.RESOURCES, who, n, self.run, self.today) for n, who in enumerate(shared)]
        return [{**row, "BZ": RARE} for row in rows]

    def _name(self, what: str) -> str:
        return f"{what}_{self.today.isoformat()}_{self.run}.csv"
