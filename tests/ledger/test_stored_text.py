from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from docpipe.ledger.stored_text import LONGEST_ERROR, stored_error, stored_text


@given(st.text())
def test_stored_text_is_what_every_database_takes(text: str) -> None:
    stored = stored_text(text)
    stored.encode()
    assert "\0" not in stored
    assert stored_text(stored) == stored


def test_good_text_stays_as_it_is() -> None:
    assert stored_text("größe 文 💥\n\t") == "größe 文 💥\n\t"


def test_an_error_is_cut_to_its_longest() -> None:
    assert len(stored_error("\ud800" * LONGEST_ERROR)) == LONGEST_ERROR
    assert stored_error("x" * (LONGEST_ERROR + 1)) == "x" * LONGEST_ERROR
