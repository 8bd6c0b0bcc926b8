"""Understands how figures become small drawings: SVG written on the server, coloured by the style sheet alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

CELL, GAP, HEIGHT = 10, 2, 40  # units of the drawing; the page stretches it
LEAST = 2  # height of a bar that stands for something, however little
GROUND = 1  # height of the mark of a minute in which nothing happened

Number = float | int
Title = Callable[[int, Number | None], str]


def strip(values: Sequence[Number | None], *, label: str, title: Title) -> Markup:
    """A bar a minute, the running one last. A minute nobody knows of is drawn pale and full, never as nothing."""
    top = max((value for value in values if value is not None), default=0) or 1
    bars: list[Markup] = []
    for place, value in enumerate(values):
        if value is None:
            bars.append(_rect(place, HEIGHT, "unknown", title(place, value)))
        elif not value:
            bars.append(_rect(place, GROUND, "nothing", title(place, value)))
        else:
            height = max(LEAST, round(HEIGHT * value / top, 1))
            kind = "running" if place == len(values) - 1 else "bar"
            bars.append(_rect(place, height, kind, title(place, value)))
    return _svg("strip", len(values), bars, label)


def cells(values: Sequence[Number | None], *, levels: Callable[[Number], str], label: str, title: Title) -> Markup:
    """A cell a minute, coloured by how bad its worst moment was."""
    drawn = [
        _rect(place, HEIGHT, "unknown" if value is None else f"cell {levels(value)}", title(place, value))
        for place, value in enumerate(values)
    ]
    return _svg("cells", len(values), drawn, label)


def share(parts: Sequence[tuple[str, int, str]], *, label: str) -> Markup:
    """One bar cut in (class, number, title) pieces; a piece that is there stays visible, however small."""
    present = [part for part in parts if part[1] > 0]
    whole = sum(number for _, number, _ in present) or 1
    widths = [max(8.0, 1000 * number / whole) for _, number, _ in present]
    scale, left = 1000 / (sum(widths) or 1), 0.0
    drawn: list[Markup] = []
    for (kind, _, title), width in zip(present, widths, strict=True):
        drawn.append(
            Markup('<rect class="{}" x="{}" y="0" width="{}" height="24"><title>{}</title></rect>').format(
                kind, round(left, 1), round(max(1.0, width * scale - 3), 1), title
            )
        )
        left += width * scale
    return Markup(
        '<svg class="share" viewBox="0 0 1000 24" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(label, Markup("").join(drawn))


def bar(number: int, most: int, *, kind: str) -> Markup:
    """A number beside its greatest sibling."""
    width = max(4.0, round(1000 * number / max(1, most), 1))
    return Markup(
        '<svg class="beside {}" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="rail" width="1000" height="10"/><rect class="fill" width="{}" height="10"/></svg>'
    ).format(kind, width)


def _rect(place: int, height: Number, kind: str, title: str) -> Markup:
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
        kind, place * CELL, round(HEIGHT - height, 1), CELL - GAP, height, title
    )


def _svg(kind: str, number: int, drawn: Sequence[Markup], label: str) -> Markup:
    return Markup(
        '<svg class="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(kind, number * CELL - GAP, HEIGHT, escape(label), Markup("").join(drawn))
