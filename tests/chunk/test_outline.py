from __future__ import annotations

from docpipe.chunk.outline import Outline
from docpipe.chunk.passages import Division, Heading
from docpipe.chunk.tokens import TokenCounter
from tests.chunk.documents import tokenizer


def outline(room: int = 84) -> Outline:
    return Outline(TokenCounter(tokenizer()), room)


def enter(opened: Outline, level: int, text: str) -> list[tuple[tuple[str, ...], str]]:
    return [(path, passage.text) for path, passage in opened.enter(Heading(level, text))]


def path(opened: Outline) -> tuple[str, ...]:
    return opened.path


def lead(opened: Outline) -> list[str]:
    return [passage.text for _, passage in opened.lead()]


def test_a_heading_closes_those_of_its_level_and_below() -> None:
    opened = outline()
    for level, text in ((0, "title"), (1, "one"), (2, "inner")):
        assert enter(opened, level, text) == []
    assert lead(opened) == []
    assert path(opened) == ("title", "one", "inner")
    assert enter(opened, 1, "two") == []
    assert path(opened) == ("title", "two")


def test_a_heading_with_nothing_below_comes_back_under_its_parents() -> None:
    opened = outline()
    enter(opened, 1, "one")
    enter(opened, 2, "inner")
    assert enter(opened, 1, "two") == [(("one",), "inner")]
    assert [(path, passage.text) for path, passage in opened.close()] == [((), "two")]


def test_headings_without_room_come_back_once() -> None:
    opened = outline(6)
    enter(opened, 1, "the first of them")
    enter(opened, 2, "the second of them")
    assert lead(opened) == ["the first of them"]
    assert path(opened) == ("the second of them",)
    assert lead(opened) == []
    assert list(opened.close()) == []


def test_a_heading_too_long_alone_gives_its_start() -> None:
    opened = outline(4)
    enter(opened, 1, "one two three four five six")
    assert lead(opened) == ["one two three four five six"]
    assert path(opened) == ("one two three four",)


def test_a_division_closes_everything_and_is_not_missed() -> None:
    opened = outline()
    enter(opened, 0, "title")
    assert [passage.text for _, passage in opened.divide(Division("Sheet"))] == ["title"]
    assert path(opened) == ("Sheet",)
    assert enter(opened, 0, "inside") == []
    assert path(opened) == ("Sheet", "inside")
    lead(opened)
    assert list(opened.divide(Division())) == []
    assert path(opened) == ()
    list(opened.divide(Division("Empty")))
    assert list(opened.close()) == []
