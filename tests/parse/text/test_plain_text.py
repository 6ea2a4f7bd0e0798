from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from docpipe.models import ParsedDocument
from docpipe.parse.formats import TEXT
from docpipe.parse.text.plain_text import _merged, _paragraphs, read


def texts(path: Path) -> list[str]:
    counts, data = read(str(path), path.name, TEXT)
    document = ParsedDocument.from_bytes(data)
    assert counts == {"counts": document.counts}
    return [item.text for item in document.document.texts]


def test_blank_lines_divide_paragraphs(tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("First line\nsecond line\n\n  \n\nAnother one\n")
    assert texts(path) == ["First line\nsecond line", "Another one"]


def test_an_empty_text_has_one_page_and_no_items(tmp_path: Path) -> None:
    path = tmp_path / "empty.txt"
    path.write_text(" \n\n ")
    _, data = read(str(path), path.name, TEXT)
    document = ParsedDocument.from_bytes(data)
    assert not document.document.texts
    assert [(page.number, page.route, page.characters) for page in document.pages] == [(1, "plain", 0)]


def test_ten_megabytes_without_a_space(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    path.write_text("x" * 10_000_000)
    found = texts(path)
    assert sum(map(len, found)) == 10_000_000
    assert max(map(len, found)) <= 20_000


def test_a_million_paragraphs_stay_within_the_items_a_worker_can_hold(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("one two\n\n" * 1_000_000)
    found = texts(path)
    assert len(found) <= 20_001
    assert sum(text.count("one two") for text in found) == 1_000_000


@given(st.text(alphabet="ab \n\t", max_size=400), st.integers(0, 50))
def test_no_word_is_lost(text: str, least: int) -> None:
    assert " ".join(_merged(_paragraphs(text), least)).split() == text.split()
