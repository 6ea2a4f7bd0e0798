from __future__ import annotations

from docpipe.parse.page.vertical import elements, is_vertical
from docpipe.parse.page.words import Word


def column(text: str, left: float, top: float) -> list[Word]:
    return [
        Word(letter, (left, top + 10 * number, left + 10, top + 10 * number + 10), 0, number, 10.0, bold=False)
        for number, letter in enumerate(text)
    ]


HEAD = [Word("官報", (250.0, 20.0, 290.0, 30.0), 9, 0, 10.0, bold=False)]
UPPER = [
    *column("横断歩道を歩行者は、進行する", 300, 60),
    *column("ことができる。", 288, 60),
    *column("第二条は次の通り改めるものと", 276, 60),
]
LOWER = [*column("下の段の文。", 300, 300), *column("終わりの文。", 288, 300)]


def test_columns_run_from_right_to_left_in_bands() -> None:
    page = [*HEAD, *LOWER, *UPPER]
    assert is_vertical(page)
    assert [one.text for one in elements(page)] == [
        "官報",
        "横断歩道を歩行者は、進行することができる。",
        "第二条は次の通り改めるものと",
        "下の段の文。終わりの文。",
    ]
    assert elements(page)[1].box == (288.0, 60.0, 310.0, 200.0)


def test_text_across_the_page_is_not_vertical() -> None:
    across = [Word("文", (60.0 + 10 * number, 60.0, 70.0 + 10 * number, 70.0), 0, 0, 10.0, bold=False) for number in range(80)]
    assert not is_vertical(across)
    latin = [Word("a", (60.0, 60.0 + 10 * number, 66.0, 70.0 + 10 * number), 0, number, 10.0, bold=False) for number in range(80)]
    assert not is_vertical(latin)
    assert not is_vertical([])
