from __future__ import annotations

from itertools import accumulate

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from docpipe.chunk.splitter import Splitter
from docpipe.chunk.tokens import TokenCounter
from tests.chunk.documents import tokenizer

SPLITTER = Splitter(TokenCounter(tokenizer()))
TEXTS = st.text(st.sampled_from(list('ab .!?…。\n\t)"”x漢é👩\u0301')), min_size=1, max_size=400)


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.integers(1, 30), st.booleans())
def test_pieces_joined_are_the_text(text: str, room: int, verbatim: bool) -> None:
    assert "".join(piece.text for piece in SPLITTER.split(text, room, verbatim=verbatim)) == text


@settings(deadline=None, max_examples=60)
@given(TEXTS, st.integers(0, 30))
def test_a_tail_is_the_end_and_within_its_room(text: str, room: int) -> None:
    tail = SPLITTER.tail(text.rstrip(), room)
    assert text.rstrip().endswith(tail)
    # One word cut from the middle of another may have a token more than its share of it.
    assert len(tokenizer().encode(tail, add_special_tokens=False).ids) <= room + 1


def test_cuts_at_sentences_before_words_before_tokens() -> None:
    sentences = [piece.text for piece in SPLITTER.split('He said "no." She left! 그는 갔다. 漢字。かな。 End', 8)]
    assert sentences[:2] == ['He said "no." ', "She left! "]
    words = [piece.text for piece in SPLITTER.split("one two three four five six seven eight nine", 4)]
    assert words == ["one ", "two ", "three ", "four ", "five ", "six ", "seven ", "eight ", "nine"]
    assert [piece.text for piece in SPLITTER.split("漢字漢字漢", 2)] == ["漢字", "漢字", "漢"]


def test_the_weight_of_a_piece_is_its_tokens() -> None:
    for piece in SPLITTER.split("Antidisestablishmentarianism is long. So is this one, somewhat.", 9):
        assert piece.weight == len(tokenizer().encode(piece.text, add_special_tokens=False).ids)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one two", ["one ", "two"]),
        ("漢字漢字", ["漢字", "漢字"]),
        ("a", ["a"]),
        ("", [""]),
        # The mark of the last letter is no token: neither it nor a private character may stand alone.
        ("नमस्", ["न", "मस्"]),
        ("word \ue000\ue000\ue000", ["word \ue000\ue000\ue000"]),
    ],
)
def test_halves_that_each_have_a_token(text: str, expected: list[str]) -> None:
    assert list(SPLITTER.halves(text)) == expected


@settings(deadline=None, max_examples=60)
@given(st.text(st.sampled_from(list("aé👩漢e\u0301न\u094d\u200d")), min_size=1, max_size=200), st.integers(1, 9))
def test_letters_are_never_cut(text: str, room: int) -> None:
    inside = set(accumulate(map(len, regex.findall(r"\X", text))))
    assert set(accumulate(len(piece.text) for piece in SPLITTER.split(text, room))) <= inside
    assert SPLITTER.tail(text, room) == "" or len(text) - len(SPLITTER.tail(text, room)) in {0, *inside}


@pytest.mark.parametrize("text", ["." * 500_000, "?)" * 250_000, ".\n" * 250_000, " \n" * 250_000 + "x", "a. " * 150_000])
def test_adversarial_runs_are_cut_whole(text: str) -> None:
    assert sum(len(piece.text) for piece in SPLITTER.split(text, 200)) == len(text)
