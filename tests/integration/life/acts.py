"""Understands what may happen to a subject or a record next: one event, likely or not, allowed or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from credithub.domain.events import CreditEvent
from tests.harness import facts, lives
from tests.integration.life import world
from tests.integration.life.oracle import EXITS, Rec
from tests.integration.life.world import DEBTOR, LICENCE, LIST, PENALTY

if TYPE_CHECKING:
    from tests.integration.life.walk import Walk

Maker = Callable[["Acts"], CreditEvent | None]


class Acts:
    def __init__(self, walk: Walk, random: Random) -> None:
        self.walk = walk
        self.random = random
        self.oracle = walk.oracle

    def event(self) -> CreditEvent | None:
        likely = self.walk.likely
        weights = [weight * likely.get(maker.__name__, 0.1) if likely else weight for maker, weight in MAKERS.items()]
        maker = self.random.choices(list(MAKERS), weights)[0]
        return maker(self)

    # ------------------------------------------------------------------------------------------ what is there
    def _code(self) -> str:
        return self.random.choice(world.CODES)

    def _number(self, word: str) -> str:
        return f"{word}{self.walk.n + 1}号"

    def _decided(self, most: int = 40) -> str:
        return (self.oracle.today - timedelta(days=self.random.randrange(most))).isoformat()

    def _rec(self, *, ended: float = 0.1, listings: float = 0.75) -> Rec | None:
        """A record that something happens to: mostly in force, mostly one that agencies act on."""
        pool = [r for r in self.oracle.records.values() if r.event.item in (DEBTOR, LIST, PENALTY,
            LICENCE) and r.kind not in EXITS
                and r.kind != "list.notice-given"]  # fmt: skip
        over = self.random.random() < ended
        pool = [r for r in pool if (r.state != "active") == over]
        acting = [r for r in pool if r.acts]
        if acting and self.random.random() < listings:
            pool = acting
        return self.random.choice(pool[-25:]) if pool else None

    def _new(self, event: CreditEvent, **changed: Any) -> CreditEvent:
        return self.walk.made(event, **changed)

    def _of(self, make: Callable[..., CreditEvent], rec: Rec, *args: Any, **changed: Any) -> CreditEvent:
        """An event about a record: by its id or its number, now and then under another code of the same subject."""
        of = replace(rec.event, organisation_code=rec.code)
        if self.random.random() < 0.3:
            changed["target"] = lives.by_number(of)
        made = make(of, *args, **changed)
        group = self.oracle.group(rec.code)
        if len(group) > 1 and self.random.random() < 0.4:
            made = replace(made, organisation_code=self.random.choice(group))
        return self._new(made)

    def _by(self, rec: Rec) -> dict[str, str]:
        """Who sends it: the organ, its superior, or somebody who must not."""
        who = self.random.random()
        name, _, division = rec.supplier.rpartition("-")
        if who < 0.88:
            return {"by": rec.supplier}
        return {"by": f"{name}-{world.CITY}" if who < 0.94 and division != world.CITY else f"samr-{world.HERE}"}

    # ------------------------------------------------------------------------------------------ facts
    def debtor(self) -> CreditEvent | None:
        number, decided = self._number("执"), self._decided(900 if self.random.random() < 0.06 else 40)
        document = {"number": number, "issuer": "某县法院", "decided_on": decided}
        data = {
            "debtor": {
                "court": "某县法院",
                "case_number": number,
                "duty": "支付",
                "filed_on": decided,
                "performance": "未履行",
            }
        }
        made = facts.debtor(number, self._code(), supplier=world.COURT, document=document)
        if self.random.random() < 0.05:
            data["tolerance"] = {"ground": "slight", "text": "轻微"}
        return self._new(self._content(made, data))

    def _content(self, event: CreditEvent, data: dict[str, Any]) -> CreditEvent:
        import hashlib

        content = hashlib.sha256(f"{data}".encode()).hexdigest()
        return replace(
            event, data=data, content=content, digest=hashlib.sha256(f"{content}{event.kind}".encode()).hexdigest()
        )

    def penalty(self) -> CreditEvent | None:
        document = {"number": self._number("罚"), "issuer": "某县某局", "decided_on": self._decided()}
        severity = self.random.choice(("slight", "general", "serious", None))
        data = {"penalty": {"offence": "某行为", **({"severity": severity} if severity else {})}}
        made = facts.fact("penalty.imposed", PENALTY, org=self._code(), number=document["number"], document=document)
        return self._new(self._content(replace(made, supplier=world.BUREAU), data))

    def licence(self) -> CreditEvent | None:
        document = {"number": self._number("证"), "issuer": "某县某局", "decided_on": self._decided()}
        return self._new(
            facts.fact(org=self._code(), number=document["number"], document=document, supplier=world.BUREAU)
        )

    def again(self) -> CreditEvent | None:
        """A fact is said again: the same, anew, or by another source."""
        rec = self._rec(ended=0.15)
        if rec is None:
            return None
        of = replace(rec.event, organisation_code=self.random.choice(self.oracle.group(rec.code)))
        how = self.random.random()
        if how < 0.3:
            return self._new(of)
        group = next(iter(rec.event.data))
        data = {**rec.event.data, group: {**rec.event.data[group], "performance": f"第{self.random.randrange(3)}次"}}
        other = rec.supplier.replace(world.HERE, world.CITY)
        if how < 0.6:
            return self._new(self._content(of, data))
        return self._new(replace(of if how < 0.75 else self._content(of, data), supplier=other))

    def repeated(self) -> CreditEvent | None:
        """The same entry under its source and id once more, or another one under them."""
        known = [e.event for e in list(self.oracle.entries.values())[-40:] if e.outcome != "refused"]
        if not known:
            return None
        of = self.random.choice(known)
        digest = of.digest if self.random.random() < 0.7 else "0" * 64
        changed = {"id": of.id, "source": of.source, "catalogue": of.catalogue, "digest": digest}
        return self._new(of, **changed)

    def notice(self) -> CreditEvent | None:
        given = (self.oracle.today - timedelta(days=self.random.choice((0, 3, 8, 20)))).isoformat()
        made = lives.notice(self._code(), LIST, self._number("告"), given, supplier=world.OWNER)
        return self._new(replace(made, document={**made.document, "issuer": "某人社局", "decided_on": given}))

    def entry(self) -> CreditEvent | None:
        """An entry on the list; mostly after its notice, now and then too early or without one."""
        notices = list(self.oracle.notices.items())[-8:]
        listed = self._decided(10)
        if not notices or self.random.random() < 0.12:
            code, number = self._code(), None
        else:
            (code, _, number), last = self.random.choice(notices)
            if self.random.random() < 0.8:
                listed = max(listed, (last + timedelta(days=1)).isoformat())
        said: dict[str, Any] = {"listed_on": listed, "facts": "拖欠"}
        if self.random.random() < 0.2:
            said["until"] = (self.oracle.today + timedelta(days=self.random.choice((-3, 20, 200)))).isoformat()
        made = lives.listed(code, LIST, self._number("列"), notice_number=number, supplier=world.OWNER, said=said)
        return self._new(replace(made, document={**made.document, "issuer": "某人社局", "decided_on": listed}))

    def exit(self) -> CreditEvent | None:
        rec = self._rec(ended=0.1, listings=1.0)
        if rec is None or rec.event.item not in (DEBTOR, LIST):
            return None
        if self.random.random() < 0.1:  # its listing has not come yet, or never will
            early = self.debtor() if rec.event.item == DEBTOR else None
            rec = replace(rec, event=early, code=early.organisation_code or "") if early else rec
        number, code = rec.event.document["number"], self.random.choice(self.oracle.group(rec.code))
        if rec.event.item == DEBTOR:
            made = facts.removal(number, code, supplier=world.COURT)
        else:
            made = lives.delisted(replace(rec.event, organisation_code=code), supplier=world.OWNER)
        document = {"number": f"移{number}", "issuer": "某机关", "decided_on": self.oracle.today.isoformat()}
        return self._new(replace(made, document=document))

    def early(self) -> CreditEvent | None:
        """Something about a fact that comes only later: the fact is kept for another step."""
        if self.walk.kept and self.random.random() < 0.5:
            return self._new(self.walk.kept.pop(0))
        fact = self.debtor()
        assert fact is not None
        self.walk.kept.append(fact)
        make = self.random.choice((lives.withdrawn, lives.objected, lives.annotated, lives.shielded, self._asked))
        return self._new(make(fact))

    def _asked(self, of: CreditEvent) -> CreditEvent:
        return lives.initiated(of, [world.THERE])

    # ------------------------------------------------------------------------------------------ changes
    def corrected(self) -> CreditEvent | None:
        rec = self._rec()
        if rec is None:
            return None
        group = next(iter(rec.event.data))
        said = {**rec.event.data, group: {**rec.event.data[group], "performance": f"更正{self.random.randrange(4)}"}}
        return self._of(lives.corrected, rec, said, **self._by(rec))

    def withdrawn(self) -> CreditEvent | None:
        rec = self._rec()
        return self._of(lives.withdrawn, rec, **self._by(rec)) if rec else None

    def deleted(self) -> CreditEvent | None:
        rec = self._rec(ended=0.5)
        return self._of(lives.deleted, rec, **self._by(rec)) if rec else None

    def annotated(self) -> CreditEvent | None:
        rec = self._rec(ended=0.2)
        kind = self.random.choice(("litigation", "conflict-settled"))
        return self._of(lives.annotated, rec, kind, **self._by(rec)) if rec else None

    def shielded(self) -> CreditEvent | None:
        rec = self._rec()
        until = (self.oracle.today + timedelta(days=30)).isoformat() if self.random.random() < 0.3 else None
        return self._of(lives.shielded, rec, self._shield(rec), until, **self._by(rec)) if rec else None

    def unshielded(self) -> CreditEvent | None:
        rec = self._rec()
        return self._of(lives.unshielded, rec, self._shield(rec), **self._by(rec)) if rec else None

    def _shield(self, rec: Rec) -> str:
        """One order of a court may shield all records of a subject."""
        return f"破{rec.code}" if self.random.random() < 0.4 else self._hold("屏", rec)

    def _hold(self, word: str, rec: Rec) -> str:
        """Few numbers, so that they meet again; each belongs to its record, now and then to another's."""
        mine = rec.id[4:8]
        return f"{word}{mine}{self.random.randrange(2)}"

    # ------------------------------------------------------------------------------------------ objections and repair
    def _objected(self) -> tuple[Rec, str] | None:
        open_ = [r for r in self.oracle.records.values() if any(o.state == "open" for o in r.objections.values())]
        rec = self.random.choice(open_) if open_ and self.random.random() < 0.8 else self._rec()
        if rec is None:
            return None
        numbers = [n for n, o in rec.objections.items() if o.state == "open"]
        return rec, self.random.choice(numbers) if numbers and self.random.random() < 0.85 else self._hold("异", rec)

    def objected(self) -> CreditEvent | None:
        rec = self._rec()
        if rec is None:
            return None
        who: dict[str, Any] = {}
        if self.random.random() < 0.25:
            holders = sorted(self.walk.oracle.holders(rec.id))
            who = {"by": self.random.choice(holders) if holders else f"sasac-{world.HERE}", "who": "agency"}
        number = self._hold("异", rec)
        if self.random.random() < 0.06:  # a number that another record of the subject has
            others = [n for r in self.oracle.records.values() if r.code == rec.code for n in r.objections]
            number = self.random.choice(others) if others else number
        return self._of(lives.objected, rec, number, **who)

    def verified(self) -> CreditEvent | None:
        found = self._objected()
        if found is None:
            return None
        rec, number = found
        missing = {"supplier", "collector"} - (rec.objections[number].said if number in rec.objections else set())
        who = self.random.choice(sorted(missing or {"supplier"}))
        by = {"by": f"samr-{world.HERE}"} if self.random.random() < 0.05 else {}
        return self._of(lives.verified, rec, number, who=who, **by)

    def settled(self) -> CreditEvent | None:
        found = self._objected()
        if found is None:
            return None
        rec, number = found
        outcome = self.random.choice(
            ("refused", "refused", "withdrawn-by-filer", "upheld-corrected", "upheld-withdrawn")
        )
        said: dict[str, Any] = {}
        if outcome == "upheld-corrected":
            group = next(iter(rec.event.data))
            said = {
                "said": {
                    **rec.event.data,
                    group: {**rec.event.data[group], "performance": f"核实{self.random.randrange(3)}"},
                }
            }
        by = {"by": rec.supplier} if self.random.random() < 0.5 else {}
        return self._of(lives.settled, rec, number, outcome, **by, **said)

    def applied(self) -> CreditEvent | None:
        rec = self._rec(ended=0.08)
        if rec is None:
            return None
        said: dict[str, Any] = {}
        if self.random.random() < 0.15:
            said = self.random.choice(({"duty_done_on": None}, {"commitment": False}))
        return self._of(lives.repair_applied, rec, self._hold("修", rec), said=said)

    def decided(self) -> CreditEvent | None:
        open_ = [r for r in self.oracle.records.values() if {"applied", "overtaken"} & set(r.repairs.values())]
        rec = self.random.choice(open_) if open_ and self.random.random() < 0.9 else self._rec()
        if rec is None:
            return None
        numbers = [n for n, state in rec.repairs.items() if state in ("applied", "overtaken")]
        number = self.random.choice(numbers) if numbers and self.random.random() < 0.9 else self._hold("修", rec)
        if self.random.random() < 0.45:
            return self._of(lives.repair_decided, rec, number, **self._by(rec))
        said = {"citation": {"document": "某法", "clause": "一"}} if self.random.random() < 0.8 else {}
        return self._of(lives.repair_decided, rec, number, "refused", said=said, **self._by(rec))

    # ------------------------------------------------------------------------------------------ cases
    def initiated(self) -> CreditEvent | None:
        rec = self._rec(ended=0.05, listings=0.9)
        scope = self.random.choice(([world.THERE], [world.HERE], [world.THERE, world.HERE]))
        return self._of(lives.initiated, rec, scope, **self._by(rec)) if rec else None

    def scoped(self) -> CreditEvent | None:
        asked = [r for r in self.oracle.records.values() if "asked" in r.regions.values() and r.state == "active"]
        rec = self.random.choice(asked) if asked and self.random.random() < 0.9 else self._rec()
        if rec is None:
            return None
        regions = [d for d, state in rec.regions.items() if state == "asked"] or [world.THERE]
        division = self.random.choice(regions)
        answer = self.random.choice(("accepted", "accepted", "declined"))
        reason = {"reason": "无相关事项"} if self.random.random() < 0.8 else {}
        by = {"by": f"ndrc-{world.CITY}"} if self.random.random() < 0.08 else {}
        return self._of(lives.answered_scope, rec, division, answer, **reason, **by)

    # ------------------------------------------------------------------------------------------ the register
    def _taken_over(self, code: str) -> bool:
        return any(stands and kind != "split" and old == code for (old, _, kind), stands in self.oracle.links.items())

    def registered(self) -> CreditEvent | None:
        code = self._code()
        if self._taken_over(code):
            return None
        seat = self.random.choice((world.HERE, world.HERE, world.THERE, world.THERE, "140105"))
        legacy = (("tax", f"T{self.random.randrange(6)}"),) if self.random.random() < 0.3 else ()
        made = facts.registration(code, seat=seat, legacy=legacy, supplier=world.REGISTER)
        document = {"number": self._number("登"), "issuer": "某市监局", "decided_on": self.oracle.today.isoformat()}
        if self.random.random() < 0.2:  # under the number of what the register said before
            before = [r for r in self.oracle.records.values() if r.code == code and r.kind == "subject.registered"]
            document = before[-1].event.document if before else document
        from tests.harness.lives import another

        made = self._content(replace(made, document=document, folded_number=another(document["number"])), made.data)
        return self._new(made)

    def linked(self) -> CreditEvent | None:
        standing = [row for row, stands in self.oracle.links.items() if stands]
        if standing and self.random.random() < 0.55:
            old, new, kind = self.random.choice(standing)
            into, others = (old, [new]) if kind == "split" else (new, [old])
            if self.random.random() < 0.1:
                others = [*others, self._code()]
            made = lives.unlinked(kind, into, others, supplier=world.REGISTER)
        else:
            into, other = self._code(), self._code()
            if self._taken_over(into) or self._taken_over(other) or other in self.oracle.group(into)[1:]:
                return None
            made = lives.linked(
                self.random.choice(("recoded", "merged", "merged", "split")), into, [other], supplier=world.REGISTER
            )
        document = {"number": self._number("链"), "issuer": "某市监局", "decided_on": self.oracle.today.isoformat()}
        return self._new(replace(made, document=document))

    # ------------------------------------------------------------------------------------------ who is meant
    def nameless(self) -> CreditEvent | None:
        fact = self.debtor() if self.random.random() < 0.7 else self.licence()
        assert fact is not None
        legacy = (("tax", f"T{self.random.randrange(6)}"),) if self.random.random() < 0.5 else ()
        return replace(fact, organisation_code=None, unified_code=None, legacy=legacy, name=f"演示{fact.id}公司")

    def confirmed(self) -> CreditEvent | None:
        waits = [e for key, entries in self.oracle.waiting.items() if key.startswith("name:") for e in entries]
        known = [e for e in list(self.oracle.entries.values())[-20:] if e.outcome == "archived"]
        pool = waits if waits and self.random.random() < 0.9 else known
        if not pool:
            return None
        of = self.random.choice(pool).event
        decision = "confirmed" if self.random.random() < 0.7 else "refused"
        said = {"identity": {"source": of.source, "id": of.id, "decision": decision, "reason": "经核对"}}
        made = facts.fact("identity.confirmed", "", org=self._code(), data=said, role="identity", supplier="hub")
        return self._new(made)


MAKERS: dict[Maker, float] = {
    Acts.debtor: 9, Acts.penalty: 4, Acts.licence: 1.5, Acts.again: 7, Acts.repeated: 2, Acts.notice: 3, Acts.entry: 5,
    Acts.exit: 4, Acts.early: 4, Acts.corrected: 4, Acts.withdrawn: 2.5, Acts.deleted: 2, Acts.annotated: 2, Acts.shielded: 3,
    Acts.unshielded: 3, Acts.objected: 7, Acts.verified: 7, Acts.settled: 7, Acts.applied: 4, Acts.decided: 4,
        Acts.initiated: 3,
    Acts.scoped: 4, Acts.registered: 6, Acts.linked: 2.5, Acts.nameless: 2, Acts.confirmed: 2,
}  # fmt: skip
