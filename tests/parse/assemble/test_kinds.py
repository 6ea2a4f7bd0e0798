from __future__ import annotations

from dataclasses import replace

from docpipe.parse.assemble.kinds import with_kinds
from docpipe.parse.page.element import Element, PageContent


def labels(*elements: Element, route: str = "text") -> list[tuple[str, str]]:
    (page,) = with_kinds([PageContent(1, 595.0, 842.0, route, elements=elements)])
    return [(one.label, one.text) for one in page.elements]


def block(text: str, top: float = 100.0, label: str = "block", size: float = 11.0) -> Element:
    return Element(label, text, (72.0, top, 300.0, top + size), size)


BODY = block("The body of the text goes on and on. " * 6)


def test_bullets_and_runs_of_markers_are_lists() -> None:
    found = labels(BODY, block("• first"), block("1. one"), block("2. two"), block("(see above) as it was"), block("3. alone after text"))
    assert [label for label, _ in found] == ["text", "list_item", "list_item", "list_item", "text", "text"]
    assert found[1][1] == "first"


def test_pieces_of_program_text_are_one() -> None:
    found = labels(BODY, block("for x in y:", 200, "code"), block("use(x)", 212, "code"), block("far away", 400, "code"))
    assert [text for label, text in found if label == "code"] == ["for x in y:\nuse(x)", "far away"]


def test_a_typewritten_document_is_no_program() -> None:
    typed = block("A letter from the har-\nbour, in which\nthe master writes.", label="code")
    assert labels(typed) == [("text", "A letter from the harbour, in which the master writes.")]
    assert labels(replace(typed, size=10.0), route="layout") == [("text", "A letter from the harbour, in which the master writes.")]
