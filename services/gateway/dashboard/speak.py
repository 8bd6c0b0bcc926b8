"""Understands how figures are said: numbers, ages, moments and names in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from credithub.clock import CHINA
from credithub.domain.reasons import REASONS
from services.gateway.dashboard.charts import Number
from services.gateway.dashboard.figures import MINUTES, Agency
from services.gateway.dashboard.texts import CAUSES, TEXTS, Language
from services.gateway.dashboard.verdict import Cause, Fact, Verdict

UNITS: Sequence[tuple[int, str, str]] = ((86_400, "天", "d"), (3_600, "小时", "h"), (60, "分钟", "min"), (1, "秒", "s"))


def language(asked: str | None, accept: str) -> Language:
    """`?lang=` first, then Accept-Language; Chinese unless English is clearly preferred."""
    if asked in ("zh", "en"):
        return "en" if asked == "en" else "zh"
    best = {"zh": 0.0, "en": 0.0}
    for part in accept.lower().split(","):
        name, _, quality = part.strip().partition(";q=")
        tongue = name.split("-")[0]
        if tongue in best:
            best[tongue] = max(best[tongue], _quality(quality))
    return "en" if best["en"] > best["zh"] else "zh"


def _quality(raw: str) -> float:
    try:
        return float(raw) if raw else 1.0
    except ValueError:
        return 0.0


@dataclass(frozen=True, slots=True)
class Speak:
    """One reader's language. Templates call it `say`."""

    lang: Language
    at: datetime

    def __call__(self, name: str, **facts: Fact) -> str:
        return self._pick(TEXTS[name]).format(**facts)

    def known(self, name: str, otherwise: str) -> str:
        """The text of a name that data brings, or what data says itself."""
        return self._pick(TEXTS[name]) if name in TEXTS else otherwise

    def number(self, number: Number | None) -> str:
        return "—" if number is None else f"{number:,.0f}"

    def duration(self, seconds: float) -> str:
        """Two units at most: 3 天 4 小时, 12 分钟, 40 秒."""
        left = max(0, int(seconds))
        said: list[str] = []
        for size, *words in UNITS:
            if left >= size and len(said) < 2:
                said.append(f"{left // size} {words[self.lang == 'en']}")
                left %= size
            elif said:
                break
        return " ".join(said) or ("0 秒" if self.lang == "zh" else "0 s")

    def age(self, moment: datetime) -> str:
        return self.duration((self.at - moment).total_seconds())

    def until(self, moment: datetime) -> str:
        return self.duration((moment - self.at).total_seconds())

    def clock(self, moment: datetime) -> str:
        """In China, where the readers are."""
        return moment.astimezone(CHINA).strftime("%H:%M:%S")

    def agency(self, agency: Agency) -> str:
        return agency.name_zh if self.lang == "zh" else agency.name_en

    def reason(self, code: str) -> str:
        text = REASONS.get(code)
        return code if text is None else (text.zh if self.lang == "zh" else text.en).replace("{n}", "n")

    def minute(self, place: int, value: Number | None) -> str:
        """The title of one bar of a strip."""
        moment = self.at - timedelta(minutes=MINUTES - 1 - place)
        return f"{moment.astimezone(CHINA):%H:%M} · {self('unknown') if value is None else self.number(value)}"

    def lag_minute(self, place: int, value: Number | None) -> str:
        moment = self.at - timedelta(minutes=MINUTES - 1 - place)
        return f"{moment.astimezone(CHINA):%H:%M} · {self('unknown') if value is None else self.duration(value)}"

    def cause(self, cause: Cause) -> tuple[str, str]:
        """What is wrong, and what it means and asks for."""
        facts = dict(cause.facts)
        if "seconds" in facts:
            facts["duration"] = self.duration(float(facts["seconds"]))
        if "number" in facts:
            facts["number"] = self.number(int(facts["number"]))
        what, do = CAUSES[cause.code]
        return self._pick(what).format(**facts), self._pick(do).format(**facts)

    def verdict(self, verdict: Verdict, *, idle: bool) -> str:
        """The one sentence that a person in a hurry reads."""
        if not verdict.causes:
            return self("verdict.idle" if idle else "verdict.green")
        worst, *others = verdict.causes
        more = self("verdict.more", number=len(others)) if others else ""
        return self.cause(worst)[0] + more + ("。" if self.lang == "zh" else ".")

    def _pick(self, pair: tuple[str, str]) -> str:
        return pair[0] if self.lang == "zh" else pair[1]
