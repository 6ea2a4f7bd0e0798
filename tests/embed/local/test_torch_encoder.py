from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from docpipe.embed.local.encoder import Batch
from docpipe.embed.local.network import PooledEncoder
from docpipe.embed.local.torch_encoder import TorchEncoder
from docpipe.embed.model import find_model
from docpipe.errors import ModelMissing, TransientError
from docpipe.settings import Settings
from tests.embed.conftest import TINY_DIMENSION

MakeSettings = Callable[..., Settings]


class SmallMemory(torch.nn.Module):
    """A network on a device that has room for some tokens; its vectors tell the text by its first token."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.asked: list[int] = []

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, full: bool) -> torch.Tensor:
        self.asked.append(input_ids.numel())
        if input_ids.numel() > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.\nMuch more about it.")
        return input_ids[:, :1].float()


@pytest.fixture
def encoder(settings: MakeSettings, tiny_master: Path) -> TorchEncoder:
    return TorchEncoder(find_model(settings(embedder=str(tiny_master))), "cpu", "f32", threads=1)


def batch(texts: int, width: int) -> Batch:
    ids = np.arange(texts * width, dtype=np.int64).reshape(texts, width) + 5
    return Batch(ids, np.ones_like(ids))


def test_a_batch_that_lacks_memory_is_halved_and_so_are_the_next(encoder: TorchEncoder, caplog: pytest.LogCaptureFixture) -> None:
    network = encoder._network = SmallMemory(room=100)  # type: ignore[assignment]
    with caplog.at_level(logging.WARNING):
        first, second = encoder.encode([batch(33, 10), batch(7, 20)])
    np.testing.assert_array_equal(first[:, 0], batch(33, 10).ids[:, 0])
    np.testing.assert_array_equal(second[:, 0], batch(7, 20).ids[:, 0])
    assert [size for size in network.asked if size > 100] == [330, 160]
    assert [record.getMessage() for record in caplog.records] == [
        f"no memory for {tokens} tokens at once (CUDA out of memory. Tried to allocate 2 GiB.): lower DOCPIPE_EMBED_BATCH_TOKENS"
        for tokens in (330, 160)
    ]


def test_one_text_without_room_is_an_error_that_may_pass(encoder: TorchEncoder) -> None:
    encoder._network = SmallMemory(room=9)  # type: ignore[assignment]
    with pytest.raises(TransientError, match=r"could not embed 40 tokens.*DOCPIPE_EMBED_BATCH_TOKENS"):
        list(encoder.encode([batch(4, 10)]))
    encoder._network.room = 100  # type: ignore[assignment]
    assert len(list(encoder.encode([batch(4, 10)]))) == 1


def test_a_failing_device_is_transient(encoder: TorchEncoder) -> None:
    wrong = Batch(np.zeros((2, 8), dtype=np.int64), np.ones((3, 5), dtype=np.int64))
    with pytest.raises(TransientError, match="DOCPIPE_EMBED_BATCH_TOKENS"):
        list(encoder.encode([wrong]))


def test_results_come_in_the_order_of_the_batches(encoder: TorchEncoder) -> None:
    made = list(encoder.encode(iter([batch(2, 9), batch(5, 4), batch(1, 2)])))
    assert [one.shape for one in made] == [(2, TINY_DIMENSION), (5, TINY_DIMENSION), (1, TINY_DIMENSION)]
    np.testing.assert_allclose(made[1], next(encoder.encode([batch(5, 4)])), rtol=1e-5)


def test_several_cores_keep_the_order_and_compute_with_one_thread_each(settings: MakeSettings, tiny_master: Path) -> None:
    several = TorchEncoder(find_model(settings(embedder=str(tiny_master))), "cpu", "f32", threads=3)
    assert {several._workers.submit(torch.get_num_threads).result() for _ in range(9)} == {1}
    batches = [batch(texts, 4) for texts in (9, 1, 8, 2, 7, 3)]
    assert [len(made) for made in several.encode(batches)] == [9, 1, 8, 2, 7, 3]


@pytest.mark.parametrize("precision", ["bf16", "f32"])
def test_the_precision_is_what_was_asked_for(settings: MakeSettings, tiny_master: Path, precision: str) -> None:
    encoder = TorchEncoder(find_model(settings(embedder=str(tiny_master))), "cpu", precision)
    assert encoder.precision == precision
    assert next(encoder.encode([batch(1, 5)])).dtype == np.float32


def test_weights_that_are_not_those_that_were_hashed_are_refused(settings: MakeSettings, tiny: Path) -> None:
    model = find_model(settings(embedder=str(tiny)))
    weights = tiny / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\1\2\3")
    os.utime(weights, ns=(1, 1))
    with pytest.raises(ModelMissing, match="changed while it was loaded"):
        TorchEncoder(model, "cpu", "f32")


def test_a_device_without_room_for_the_model_may_have_some_later(
    settings: MakeSettings, tiny_master: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.\nMuch more about it.")

    monkeypatch.setattr(PooledEncoder, "to", full)
    with pytest.raises(TransientError, match=r"\(CUDA out of memory\.\): free its memory, or set DOCPIPE_EMBED_BACKEND"):
        TorchEncoder(find_model(settings(embedder=str(tiny_master))), "cpu", "f32")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_a_card_agrees_with_the_processor(settings: MakeSettings, encoder: TorchEncoder, tiny_master: Path) -> None:
    card = TorchEncoder(find_model(settings(embedder=str(tiny_master))), "cuda")
    batches = [batch(40, width) for width in (40, 30, 20)]
    for one, other in zip(card.encode(batches), encoder.encode(batches), strict=True):
        assert np.sum(one * other, axis=1).min() > 0.9995
