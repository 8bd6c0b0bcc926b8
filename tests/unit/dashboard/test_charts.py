"""Understands what the drawings promise: nothing is drawn as something else, and nothing in them can be executed."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from services.gateway.dashboard.charts import HEIGHT, LEAST, bar, cells, share, strip


def rects(svg: str) -> list[dict[str, str]]:
    return [dict(rect.attrib) for rect in ET.fromstring(svg).iter("rect")]


def test_a_minute_nobody_knows_is_not_drawn_like_one_in_which_nothing_happened() -> None:
    kinds = [rect["class"] for rect in rects(strip([None, 0, 5, 5], label="x", title=lambda _p, v: str(v)))]
    assert kinds == ["unknown", "nothing", "bar", "running"]


def test_the_tallest_bar_fills_the_strip_and_the_smallest_is_still_seen() -> None:
    heights = [float(rect["height"]) for rect in rects(strip([1, 10_000, 1], label="x", title=lambda _p, _v: ""))]
    assert heights == [LEAST, HEIGHT, LEAST]


def test_a_cell_takes_the_level_of_its_value() -> None:
    drawn = cells([1, 99, None], levels=lambda v: "red" if v > 50 else "green", label="x", title=lambda _p, _v: "")
    assert [rect["class"] for rect in rects(drawn)] == ["cell green", "cell red", "unknown"]


def test_the_pieces_of_a_share_fill_it_and_small_ones_stay_visible() -> None:
    drawn = rects(share([("a", 1, "a"), ("b", 100_000, "b"), ("c", 0, "c")], label="x"))
    assert [rect["class"] for rect in drawn] == ["a", "b"]
    assert float(drawn[0]["width"]) >= 4
    assert float(drawn[1]["x"]) + float(drawn[1]["width"]) <= 1000


def test_labels_and_titles_are_escaped_and_no_style_is_inline() -> None:
    wild = '"><script>alert(1)</script>'
    drawn = (
        strip([1], label=wild, title=lambda _p, _v: wild)
        + share([("a", 1, wild)], label=wild)
        + bar(1, 2, kind="amber")
    )
    assert "<script" not in drawn
    assert not re.search(r"\b(style|on\w+)=", drawn)


def test_a_bar_is_as_long_as_its_part_of_the_longest() -> None:
    assert [rect["width"] for rect in rects(bar(5, 10, kind="amber"))] == ["1000", "500.0"]
