from __future__ import annotations

from docpipe.parse.page.element import Element
from docpipe.parse.page.listing import joined, listing


def piece(text: str, column: int, row: float) -> tuple[str, tuple[float, float, float, float]]:
    return text, (100.0 + 6 * column, 12.0 * row, 100.0 + 6 * (column + len(text)), 12.0 * row + 10)


def test_lines_and_indents_are_kept() -> None:
    pieces = [
        piece("def", 0, 0), piece("total(rows):", 4, 0),
        piece("return", 4, 1), piece("sum(rows)", 11, 1),
        piece("print(1)", 0, 3.5),
    ]  # fmt: skip
    assert listing(pieces) == "def total(rows):\n    return sum(rows)\n\nprint(1)"


def test_ligatures_are_no_business_of_code() -> None:
    assert listing([piece("x\u00ad\ufb01", 0, 0)]) == "x\u00ad\ufb01"


def test_nothing_is_nothing() -> None:
    assert listing([]) == listing([piece("  ", 0, 0)]) == ""


def test_neighbours_keep_their_indents_when_they_are_joined() -> None:
    parts = [
        Element("code", "for x in y:", (72.0, 100.0, 138.0, 110.0), 10.0),
        Element("code", "use(x)\nstop()", (96.0, 112.0, 132.0, 134.0), 10.0),
    ]
    whole = joined(parts)
    assert whole.text == "for x in y:\n    use(x)\n    stop()"
    assert whole.box == (72.0, 100.0, 138.0, 134.0)
