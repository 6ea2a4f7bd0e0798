from __future__ import annotations

import pytest

from docpipe.parse.assemble.continuation import Item, items
from docpipe.parse.page.element import Element, PageContent

LEFT, RIGHT = (60.0, 500.0, 290.0, 780.0), (310.0, 60.0, 540.0, 300.0)
TOP = (60.0, 60.0, 290.0, 200.0)


def join(*pages: tuple[Element, ...]) -> list[Item]:
    return items([PageContent(number, 595.0, 842.0, "layout", elements=elements) for number, elements in enumerate(pages, 1)])


def text(content: str, box: tuple[float, float, float, float] = LEFT, label: str = "text", size: float = 10.0) -> Element:
    return Element(label, content, box, size)


def table(*rows: tuple[str, ...], box: tuple[float, float, float, float] = LEFT, header: int = 1, bold: bool = False) -> Element:
    return Element("table", "", box, bold=bold, rows=rows, header_rows=header)


def test_a_paragraph_goes_on_in_the_next_column_and_on_the_next_page() -> None:
    footnote, footer = text("1 A note.", (60, 785, 290, 795), "footnote", 8.0), text("7", (290, 800, 300, 810), "page_footer", 8.0)
    (whole, *_) = join((text("The ship en-"), footnote, text("tered the harbour and", RIGHT), footer), (text("left again.", TOP),))
    assert whole.element.text == "The ship entered the harbour and left again."
    assert [(part.page, part.box) for part in whole.parts] == [(1, LEFT), (1, RIGHT), (2, TOP)]
    pieces = [whole.element.text[part.start : part.end] for part in whole.parts]
    assert [piece.strip() for piece in pieces] == ["The ship en", "tered the harbour and", "left again."]


def test_a_paragraph_goes_on_below_a_figure() -> None:
    found = join((text("The ship", (60, 60, 290, 100)), Element("picture", "", (60, 110, 290, 300)), text("sailed.", (60, 310, 290, 330))))
    assert [one.element.text for one in found] == ["The ship sailed.", ""]


def test_a_long_paragraph_without_an_end_goes_on_with_a_capital_letter() -> None:
    found = join((text("The harbour master wrote a letter about the ship to the owner, who lived far away in the town of " + "x" * 10),),
                 (text("Bergen, and to the insurer, who lived nearby, as well as to me.", TOP),))  # fmt: skip
    assert len(found) == 1


def test_scripts_without_capitals_go_on_where_no_stop_stands() -> None:
    assert len(join((text("船は港に"),), (text("入った。", TOP),))) == 1
    assert len(join((text("船は港に入った。"),), (text("夜になった。", TOP),))) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (text("It has ended."), text("and yet.", RIGHT)),
        (text("A short line"), text("Another one", RIGHT)),
        (text("Of another size", size=14.0), text("and so on", RIGHT)),
        (text("In the same column", (60, 60, 290, 100)), text("without anything between", (60, 110, 290, 200))),
        (text("Before a heading", label="section_header"), text("and so on", RIGHT)),
        (text("Before an item"), text("and so on", RIGHT, "list_item")),
    ],
)
def test_what_does_not_go_on(first: Element, second: Element) -> None:
    assert len(join((first, second))) == 2


def test_a_page_that_was_lost_ends_a_paragraph() -> None:
    assert len(join((text("The ship"),), (), (text("sailed.", TOP),))) == 2


def test_a_table_goes_on_without_its_repeated_header() -> None:
    first = table(("Name", "Tons"), ("Aurora", "420"), bold=True)
    again = table(("Name", " Tons "), ("Borealis", "1310"), ("Cygnus", "95"), box=TOP, bold=True)
    third = table(("Dora", "12"), box=TOP, header=0)
    (whole,) = join((first,), (again,), (third,))
    assert whole.element.rows == (("Name", "Tons"), ("Aurora", "420"), ("Borealis", "1310"), ("Cygnus", "95"), ("Dora", "12"))
    assert [part.page for part in whole.parts] == [1, 2, 3]


def test_merged_cells_move_with_their_rows() -> None:
    first = table(("Name", "Tons"), ("Aurora", "420"))
    second = Element("table", "", TOP, rows=(("Name", "Tons"), ("All", ""), ("x", "y")), spans=((1, 0, 1, 2),))
    (whole,) = join((first,), (second,))
    assert whole.element.rows[2] == ("All", "")
    assert whole.element.spans == ((2, 0, 1, 2),)


@pytest.mark.parametrize(
    "other",
    [
        (table(("Name", "Tons", "Flag"), ("a", "b", "c"), box=TOP),),
        (table(("Name", "Tons"), ("a", "b"), box=(60.0, 60.0, 540.0, 200.0)),),
        (table(("Port", "Berths"), ("Bergen", "12"), box=TOP, bold=True),),
        (text("Between.", (60, 20, 290, 40)), table(("Name", "Tons"), ("a", "b"), box=TOP)),
        (Element("caption", "Table 2: Others", (60, 40, 290, 50), caption_of=1), table(("Name", "Tons"), ("a", "b"), box=TOP)),
    ],
    ids=["columns", "width", "header", "text between", "caption"],
)
def test_another_table_stays_apart(other: tuple[Element, ...]) -> None:
    found = join((table(("Name", "Tons"), ("Aurora", "420"), bold=True),), other)
    assert sum(one.element.label == "table" for one in found) == 2


def test_a_continued_caption_does_not_part_a_table() -> None:
    caption = Element("caption", "Table 1 (continued)", (60, 40, 290, 50), caption_of=1)
    found = join((table(("Name", "Tons"), ("Aurora", "420")),), (caption, table(("Name", "Tons"), ("a", "b"), box=TOP)))
    assert sum(one.element.label == "table" for one in found) == 1
