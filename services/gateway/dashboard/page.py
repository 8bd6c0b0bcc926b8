"""Understands how figures become a page: templates, the texts of one language, drawings, files that never change."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.gateway.dashboard import charts
from services.gateway.dashboard.figures import Figures, Lag
from services.gateway.dashboard.speak import Speak
from services.gateway.dashboard.texts import TEMPLATES, Language
from services.gateway.dashboard.verdict import Limits, judge

STATIC = Path(__file__).resolve().parent.parent / "static"
MEDIA_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
LIFE = (
    "unrouted", "triggered", "delivered", "acknowledged", "executed", "declined", "lifting", "lifted", "cancelled"
)  # fmt: skip
FACTS = ("at", "stages", "quarantined", "lags", "parts", "parked")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of the page. Its address holds its digest, so a browser may keep it for ever."""

    name: str
    digest: str
    content: bytes
    media_type: str


@cache
def files() -> Mapping[str, File]:
    """What the page needs besides itself, by name; nothing comes from elsewhere."""
    found: dict[str, File] = {}
    for path in sorted(STATIC.iterdir()):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()[:16]
        media_type = MEDIA_TYPES[path.suffix[1:]]
        found[path.name] = File(name=path.name, digest=digest, content=content, media_type=media_type)
    return found


def address(name: str) -> str:
    return f"/ops/static/{files()[name].digest}/{name}"


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    cast("dict[str, object]", environment.globals)["address"] = address
    return environment


def render_login(lang: Language, *, at: datetime, token: str, note: str) -> str:
    return _render("ops/login.html", say=Speak(lang, at), token=token, note=note)


def render_board(figures: Figures, lang: Language, *, token: str) -> str:
    """The whole page."""
    return _render("ops/board.html", token=token, **_shown(figures, lang))


def render_live(figures: Figures, lang: Language) -> str:
    """What changes, alone: the script puts it in place of what is there."""
    return _render("ops/live.html", **_shown(figures, lang))


def as_json(figures: Figures) -> bytes:
    """The same facts for programs; the flow by stage stands in `stages`."""
    verdict = judge(figures)
    facts: dict[str, Any] = {name: getattr(figures, name) for name in FACTS}
    stored = figures.stored
    if stored is not None:
        hidden = {"flow", "at"}
        facts |= {name: getattr(stored, name) for name in stored.__dataclass_fields__ if name not in hidden}
    content = {"level": verdict.level, "causes": verdict.causes, "database": stored is not None, **facts}
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)


def _render(name: str, **values: object) -> str:
    return _templates().get_template(name).render(**values)


def _shown(figures: Figures, lang: Language) -> dict[str, Any]:
    say, verdict = Speak(lang, figures.at), judge(figures)
    return {
        "say": say,
        "f": figures,
        "s": figures.stored,
        "verdict": verdict,
        "sentence": say.verdict(verdict, idle=_is_idle(figures)),
        "idle": _is_idle(figures),
        "strips": {stage.name: _strip(stage.name, figures, say) for stage in (*figures.stages, figures.quarantined)},
        "lag_cells": {lag.topic: _lag_cells(lag, say) for lag in figures.lags},
        "lag_level": _lag_level,
        "states": _states(figures),
        "states_chart": _states_chart(figures, say),
        "bar": charts.bar,
    }


def _is_idle(figures: Figures) -> bool:
    return all(stage.known and not stage.total for stage in figures.stages)


def _strip(name: str, figures: Figures, say: Speak) -> str:
    stage = figures.quarantined if name == "quarantined" else figures.stage(name)
    label = say("flow.chart", stage=say(f"stage.{name}"), total=say.number(stage.total))
    return charts.strip(stage.minutes, label=label, title=say.minute)


def _lag_cells(lag: Lag, say: Speak) -> str:
    label = say("lag.chart", topic=lag.topic)
    return charts.cells(lag.minutes, levels=_lag_level, label=label, title=say.lag_minute)


def _lag_level(seconds: float) -> str:
    limits = Limits()
    if seconds >= limits.lag_red:
        return "red"
    return "amber" if seconds >= limits.lag_amber else "green"


def _states(figures: Figures) -> list[tuple[str, int]]:
    """Every state there is one of, in the order of a life; one the page does not know comes last, as it is."""
    if figures.stored is None:
        return []
    counted = {each.name: each.number for each in figures.stored.obligations}
    names = (*LIFE, *sorted(counted.keys() - set(LIFE)))
    return [(name, counted[name]) for name in names if name in counted]


def _states_chart(figures: Figures, say: Speak) -> str:
    pieces = [
        (f"state-{name}", number, f"{say.known(f'obligation.{name}', name)} · {say.number(number)}")
        for name, number in _states(figures)
    ]
    return charts.share(pieces, label=say("obligations"))
