from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from docpipe.search import excerpt

PASSAGE = " ".join(f"Sentence {number} speaks of topic{number} at some length." for number in range(40))


def test_a_short_passage_is_shown_whole() -> None:
    assert excerpt("Short.\nAnd sweet.", "anything") == "Short.\nAnd sweet."


def test_a_long_passage_is_cut_around_what_was_asked() -> None:
    shown = excerpt(PASSAGE, "What is topic23?", longest=200)
    assert "topic23" in shown
    assert "topic3 " not in shown
    assert shown.startswith("…")
    assert shown.endswith("…")


def test_one_endless_sentence_is_cut_too() -> None:
    assert len(excerpt("word" * 10_000, "word", longest=100)) <= 110


def test_nothing_but_space_is_no_passage() -> None:
    assert excerpt(" " * 1_000, "word", longest=100) == " " * 100


@given(st.text(max_size=3_000), st.text(max_size=50), st.integers(20, 500))
def test_never_longer_than_asked_for(text: str, query: str, longest: int) -> None:
    shown = excerpt(text, query, longest)
    assert shown == text if len(text) <= longest else len(shown) - shown.count("\n") <= longest + len("… " * 2)
