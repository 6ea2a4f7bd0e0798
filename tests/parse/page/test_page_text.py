from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest

from docpipe.parse.page.page_text import PageText
from docpipe.parse.page.plain_page import blocks
from docpipe.parse.page.words import words
from tests.parse import samples


@pytest.fixture
def page(tmp_path: Path) -> object:
    return pymupdf.open(samples.plain(tmp_path / "a.pdf", [samples.LOREM, samples.LOREM]))[0]


def test_each_form_is_extracted_once(page: object, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    for name in ("extractDICT", "extractRAWDICT", "extractWORDS"):
        original = getattr(pymupdf.TextPage, name)

        def counted(self: object, *arguments: object, name: str = name, original: object = original) -> object:
            calls.append(name)
            return original(self, *arguments)  # type: ignore[operator]

        monkeypatch.setattr(pymupdf.TextPage, name, counted)
    text = PageText(page)
    assert calls == []
    assert blocks(text) == blocks(text)
    assert words(text) == words(text)
    assert sorted(calls) == ["extractDICT", "extractWORDS"]


def test_it_holds_what_pymupdf_finds(page: object) -> None:
    text = PageText(page)
    flags = pymupdf.TEXTFLAGS_DICT & ~pymupdf.TEXT_PRESERVE_IMAGES & ~pymupdf.TEXT_CID_FOR_UNKNOWN_UNICODE
    assert text.blocks == page.get_text("dict", flags=flags)["blocks"]  # type: ignore[attr-defined]
    assert text.words == page.get_text("words", flags=flags)  # type: ignore[attr-defined]
    lines = [line for block in text.characters for line in block["lines"]]
    shown = ["".join(character["c"] for span in line["spans"] for character in span["chars"]) for line in lines]
    assert shown == ["".join(span["text"] for span in line["spans"]) for block in text.blocks for line in block["lines"]]


def test_pictures_are_no_text(tmp_path: Path) -> None:
    with pymupdf.open(samples.scan(tmp_path / "scan.pdf", ["some words"])) as document:
        assert PageText(document[0]).blocks == []
