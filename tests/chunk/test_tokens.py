from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from docpipe.chunk.tokens import CHARACTERS_PER_TOKEN, TokenCounter
from tests.chunk.documents import tokenizer
from tests.chunk.scripts import TWENTY_SCRIPTS
from tests.embed.tiny_tokenizers import byte_pairs, unigrams, word_pieces

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)


def real(text: str, of: Tokenizer | None = None) -> int:
    return len((of or tokenizer()).encode(text, add_special_tokens=False).ids)


@settings(deadline=None, max_examples=300)
@given(st.lists(TEXTS, max_size=4))
def test_counts_are_those_of_the_tokenizer(texts: list[str]) -> None:
    counter = TokenCounter(tokenizer())
    assert counter.exact(texts) == counter.estimate(texts) == [real(text) for text in texts]


def test_words_too_long_to_remember_are_counted_exactly_in_the_end() -> None:
    text = "a" * 10_000 + " b " + "漢" * 5_000
    assert TokenCounter(tokenizer()).exact([text]) == [real(text)]


def test_a_tokenizer_that_crosses_blanks_is_asked_for_every_text() -> None:
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trained.train_from_iterator(["the cat sat on the mat"] * 3, trainers.BpeTrainer(vocab_size=300, show_progress=False))
    texts = ["the cat sat", "on the mat the cat"]
    counter = TokenCounter(trained)
    assert counter.exact(texts) == [real(text, trained) for text in texts]
    assert counter.estimate(texts) != counter.exact(texts)


def test_a_run_that_is_one_unknown_token_weighs_by_its_characters() -> None:
    assert TokenCounter(tokenizer()).weigh(["a" * 1_600, "a"]) == [100, 1]


@settings(deadline=None, max_examples=50)
@given(TEXTS.map(lambda text: text * 50), st.integers(1, 40))
def test_windows_joined_are_the_text(text: str, room: int) -> None:
    windows = list(TokenCounter(tokenizer()).windows(text, room))
    assert "".join(windows) == text
    assert all(len(window) <= room * CHARACTERS_PER_TOKEN for window in windows)


def test_the_memory_of_words_is_bounded() -> None:
    counter = TokenCounter(tokenizer())
    for start in range(0, 250_000, 25_000):
        counter.estimate([" ".join(f"w{number}" for number in range(start, start + 25_000))])
    assert len(counter._words) <= 225_000
    assert counter.estimate(["w1 w249999"]) == [real("w1 w249999")]


@pytest.mark.parametrize("make", [word_pieces, unigrams, byte_pairs], ids=["words", "unigrams", "bytes"])
@pytest.mark.parametrize("prompt", ["passage: ", "passage:", "passage", "\n"], ids=["blank", "colon", "word", "line"])
def test_a_text_behind_a_prompt_is_counted_as_the_model_reads_it(make: Callable[[], Tokenizer], prompt: str) -> None:
    tokenizer = make()
    texts = ["pump", " pump", "s", "\nx", "cover" * 80, "", "😀", *TWENTY_SCRIPTS]
    alone = len(tokenizer.encode(prompt, add_special_tokens=False).ids)
    together = [len(tokenizer.encode(prompt + text, add_special_tokens=False).ids) for text in texts]
    assert TokenCounter(tokenizer, prompt).exact(texts) == [max(0, count - alone) for count in together]
