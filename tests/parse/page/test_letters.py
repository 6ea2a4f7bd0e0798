from __future__ import annotations

import pytest

from docpipe.parse.page.letters import is_spaceless, repaired


@pytest.mark.parametrize(
    ("drawn", "typed"),
    [
        ("e\ufb03cient \ufb01les", "efficient files"),
        ("Barlas O\u02d8guz, Universit\u00a8at", "Barlas Oğuz, Universität"),
        ("na\u00a8\u0131ve", "naïve"),
        ("soft\u00adware", "software"),
        ("divi\u00ad", "divi\u00ad"),
        ("\ufefb\ufe8e", "لاا"),
        ("\ufb2a\ufb4a", "שׁתּ"),
        ("\ufdfa", "\ufdfa"),
        ("x \u02dc y, 5\u02da", "x \u02dc y, 5\u02da"),
        ("½ m²", "½ m²"),
    ],
)
def test_letters_as_they_are_typed(drawn: str, typed: str) -> None:
    assert repaired(drawn) == typed


def test_scripts_without_blanks() -> None:
    assert all(map(is_spaceless, "漢かカ。、（々"))
    assert not any(map(is_spaceless, "a1 한é"))
