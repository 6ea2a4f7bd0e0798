from __future__ import annotations

from docpipe.parse.page.arabic import is_arabic, line_text


def spans(*letters: tuple[str, float]) -> list[dict[str, object]]:
    """One span; each letter with its width, from the right."""
    position, characters = 500.0, []
    for letter, width in letters:
        characters.append({"c": letter, "bbox": (position - width, 10.0, position, 20.0)})
        position -= width
    return [{"chars": characters}]


def test_a_ligature_is_turned_round() -> None:
    assert line_text(spans(("ا", 3.0), ("إ", 0.0), ("ل", 6.5), ("ن", 3.7))) == "الإن"


def test_the_article_stays_as_it_is() -> None:
    assert line_text(spans(("ا", 3.0), ("ل", 4.0), ("م", 5.0))) == "الم"


def test_script() -> None:
    assert is_arabic("abc کالا")
    assert not is_arabic("abc שלום")
