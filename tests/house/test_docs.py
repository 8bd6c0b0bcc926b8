"""Understands what keeps the documents true: their links, their commands, their two languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.tree import ROOT, files, text
from tools import reference

pytestmark = pytest.mark.house

PAGES = tuple(path for path in files() if path.suffix == ".md")
ZH, EN = Path("docs/zh"), Path("docs/en")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#{1,6}) +(.+?)\s*$", re.MULTILINE)


def prose(path: Path) -> str:
    return FENCE.sub("", text(path))


def levels(path: Path) -> list[int]:
    return [len(marks) for marks, _ in HEADING.findall(prose(path))]


def code_blocks(path: Path) -> list[str]:
    return [_without_remarks(block) for block in FENCE.findall(text(path))]


def _without_remarks(block: str) -> str:
    return "\n".join(line.split("#")[0].rstrip() for line in block.splitlines())


def anchors(path: Path) -> set[str]:
    """As GitHub makes them: lower case, punctuation gone, blanks to hyphens."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title in HEADING.findall(prose(path))}


def test_every_guide_exists_in_both_languages() -> None:
    names = {folder: {p.relative_to(folder) for p in PAGES if p.is_relative_to(folder)} for folder in (ZH, EN)}
    assert names[ZH] == names[EN] != set()
    assert {Path("README.md"), Path("README.zh.md")} <= set(PAGES)


PAIRS = [(path, ZH / path.relative_to(EN)) for path in PAGES if path.is_relative_to(EN)]
PAIRS.append((Path("README.md"), Path("README.zh.md")))


@pytest.mark.parametrize(("english", "chinese"), PAIRS, ids=str)
def test_both_languages_have_the_same_headings_and_the_same_commands(english: Path, chinese: Path) -> None:
    assert levels(english) == levels(chinese)
    commands = re.compile(r"^(?:make|credithub|curl|python|docker|kcat) .+$", re.MULTILINE)
    assert [commands.findall(b) for b in code_blocks(english)] == [commands.findall(b) for b in code_blocks(chinese)]


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_inside_the_house_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        place = (ROOT / page.parent / name).resolve() if name else ROOT / page
        assert place.exists(), f"{page}: {target}"
        if anchor:
            assert anchor in anchors(place.relative_to(ROOT)), f"{page}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_make_command_in_a_page_is_a_target(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", text(Path("Makefile")), re.MULTILINE))
    words = " ".join(code_blocks(page)) + " ".join(re.findall(r"`([^`]+)`", prose(page)))
    assert set(re.findall(r"(?:^|\s)make ([a-z]+)", words)) <= targets


def test_every_target_says_what_it_does() -> None:
    public = {"help", "setup", "run", "check", "test", "bench", "chaos", "screens", "fmt", "docs"}
    described = set(re.findall(r"^([a-z]+):[^#\n]*## \S", text(Path("Makefile")), re.MULTILINE))
    assert public <= described


@pytest.mark.parametrize("name", reference.pages())
def test_the_reference_says_what_the_code_says(name: str) -> None:
    written = (reference.FOLDER / name).read_text(encoding="utf-8")
    assert written == reference.pages()[name], "run `make docs`"


def test_every_decision_is_listed_and_has_its_three_parts() -> None:
    decisions = [path for path in PAGES if path.parent == Path("docs/adr") and path.name != "README.md"]
    listed = text(Path("docs/adr/README.md"))
    for path in decisions:
        assert f"({path.name})" in listed, path
        assert [title for _, title in HEADING.findall(text(path))][1:4] == [
            "The question",
            "The decision",
            "What follows",
        ], path
        assert len(text(path).splitlines()) <= 60, f"{path} is more than a page"
