from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from docpipe.parse.formats import FORMATS, IMAGES, support_table
from docpipe.parse.stage import _FUNCTIONS

PROJECT = Path(__file__).parents[2]


def test_every_format_has_a_reader_and_says_what_is_kept() -> None:
    for form in FORMATS.values():
        assert form.reader == "pages" or form.reader in _FUNCTIONS
        assert form.kept
        assert "|" not in form.kept + form.lost + form.name
        for library in form.libraries:
            assert version(library)
    assert {FORMATS[image].reader for image in IMAGES} == {"pages"}


def test_the_table_has_a_row_for_each() -> None:
    lines = list(support_table())
    assert len(lines) == 2 + len(FORMATS)
    assert all(line.count("|") == 5 for line in lines)


def test_the_documentation_has_the_table() -> None:
    assert "\n".join(support_table()) in (PROJECT / "docs" / "formats.md").read_text()
