from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.embed_card import build_large, model_rows
from benchmarks.embed_limit import best_rate
from benchmarks.embed_speed import Round, Way, measured, row, ways
from benchmarks.embed_work import LONGEST, SHORTEST, Shape, make_texts, shape_of
from docpipe.embed.model import find_model
from docpipe.settings import load_settings

MINILM = Shape(hidden=384, intermediate=1_536, layers=6)


def test_the_arithmetic_of_a_chunk_is_that_of_its_layers() -> None:
    # 6 layers of 4 x 384 x 384 and 2 x 384 x 1536 weights, twice for each of 172 tokens, and attention.
    assert MINILM.gflop([172]) == pytest.approx(6 * (2 * 172 * 1_769_472 + 4 * 172**2 * 384) / 1e9)
    assert MINILM.gflop([100, 200]) == pytest.approx(MINILM.gflop([100]) + MINILM.gflop([200]))


def test_the_shape_is_read_from_the_model() -> None:
    assert shape_of(find_model(load_settings())) == MINILM


def test_texts_fit_the_window_and_come_sorted() -> None:
    model = find_model(load_settings())
    texts, lengths = make_texts(40, model)
    assert lengths == sorted(lengths)
    assert [len(model.tokenizer().encode(text).ids) for text in texts] == lengths
    assert SHORTEST <= lengths[0] <= lengths[-1] <= LONGEST + 2


def test_every_batch_size_is_tried_with_one_stream_and_with_one_for_each_core() -> None:
    tried = [(way.tokens, way.streams, way.threads) for way in ways([512, 1_024], 4) if way.tokens]
    assert tried == [(512, 1, 1), (1_024, 1, 1), (512, 1, 4), (1_024, 1, 4), (512, 4, 4), (1_024, 4, 4)]
    assert [(way.backend, way.threads) for way in ways([512], 1)] == [("openvino", 1)] * 2 + [("torch", 1)] * 2 + [("openvino", 1)]


def test_a_row_compares_with_the_limit_and_with_the_moment() -> None:
    rounds = [Round(10, 40.0, 0.4, 0.2, 125.0), Round(10, 40.0, 0.5, 0.3, 100.0)]
    made = row(Way("openvino", "bf16", 0, 2, 2), 1_024, rounds, limit=200.0)
    assert made["batch_tokens"] == 1_024
    assert (made["chunks_per_s"], made["chunks_per_cpu_s"], made["cpu_ms_per_chunk"]) == (40.0, 22.2, 45.0)
    assert (made["gflop_per_cpu_s"], made["share"], made["share_now"]) == (90.0, 0.5, 0.8)


def test_every_chunk_is_embedded_once_in_rounds_between_yardsticks() -> None:
    texts, asked = [str(number) for number in range(10)], list[str]()
    rounds = measured(asked.extend, texts, [5] * 10, MINILM, lambda: 100.0)
    assert asked[len(texts[::4]) :] == texts
    assert [one.chunks for one in rounds] == [3, 3, 3, 1]
    assert {one.yardstick for one in rounds} == {100.0}


def test_a_rate_counts_what_was_done() -> None:
    assert best_rate(lambda: sum(range(10_000)), 1.0) > 0


def test_what_runs_on_a_card_runs_without_one(tmp_path: Path) -> None:
    small = find_model(load_settings())
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    model = find_model(load_settings(embedder=str(build_large(tmp_path / "large", small, sizes))))
    rows = model_rows(model, "cpu", 20, [256, 2_048])
    assert [(one["batch_tokens"], one["own_choice"]) for one in rows] == [(256, False), (2_048, True)]
    assert all(one["chunks_per_s"] > 0 < one["share"] for one in rows)
