from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.errors import QueryInvalid
from docpipe.search.query import Query, prepare
from docpipe.settings import Settings
from tests.embed.tiny_tokenizers import byte_pairs, unigrams, word_pieces


@pytest.fixture
def model(settings: Callable[..., Settings]) -> EmbeddingModel:
    return find_model(settings())


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\0", " \0 "])
def test_an_empty_query_says_what_to_give(model: EmbeddingModel, text: str) -> None:
    with pytest.raises(QueryInvalid, match="ask a question"):
        prepare(text, model)


@pytest.mark.parametrize("text", ["what is it?", "the of and", "😀", "机器学习", "word " * 253 + "word"])
def test_a_query_that_fits_is_left_alone(model: EmbeddingModel, text: str) -> None:
    assert prepare(f"  {text}\n", model) == Query(text, "", False)


@pytest.mark.parametrize(
    "text", ["word " * 255, "antidisestablishmentarianism " * 200, "x" * 1_000_000, "语" * 3_000, "😀 " * 10_000, "a." * 5_000]
)
def test_a_query_over_the_window_is_cut_and_says_so(model: EmbeddingModel, text: str) -> None:
    query = prepare(text, model)
    assert query.cut
    assert text.startswith(query.text)
    assert len(model.tokenizer().encode(query.text).ids) <= model.window


def test_the_models_prompt_takes_its_room(model: EmbeddingModel) -> None:
    prompted = replace(model, query_prompt="query: ")
    query = prepare("word " * 254, prompted)
    assert (query.prompt, query.cut) == ("query: ", True)
    assert len(model.tokenizer().encode(query.prompt + query.text).ids) == model.window


@pytest.mark.parametrize("make", [word_pieces, unigrams, byte_pairs], ids=["words", "unigrams", "bytes"])
@pytest.mark.parametrize("prompt", ["query: ", "query:", "Instruct: find\nQuery:"], ids=["blank", "colon", "instruction"])
def test_prompt_and_query_fit_together(tmp_path: Path, model: EmbeddingModel, make: Callable[[], Tokenizer], prompt: str) -> None:
    make().save(str(tmp_path / "tokenizer.json"))
    special = make().num_special_tokens_to_add(is_pair=False)
    prompted = replace(model, tokenizer_file=tmp_path / "tokenizer.json", query_prompt=prompt, window=40, special_tokens=special)
    for text in ("the pump " * 90, "x" * 500, "語 😀 " * 90, "the"):
        query = prepare(text, prompted)
        assert text.startswith(query.text)
        assert query.text
        assert len(prompted.tokenizer().encode(prompt + query.text).ids) <= 40


def test_bytes_that_are_no_text_do_no_harm(model: EmbeddingModel) -> None:
    assert prepare("caf\udce9 open", model).text == "caf? open"
