"""The embedder on a CUDA card: MiniLM, and an encoder of BERT-large's shape with random weights.

    python -m benchmarks.embed_speed --device cuda [--chunks 20000] [--tokens 16384 65536 ...]

The limit is the card's rate of one large square multiplication in the embedder's format (8,192 numbers a side), the best of
several. Then, for every batch size, the encoder alone on batches that are already tokenized, and the whole `embed()`, both in
wall time: where the second is lower than the first, the processor that tokenizes is the brake. The large model embeds a
tenth of the chunks.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
import transformers

from benchmarks.embed_work import make_texts, shape_of
from benchmarks.result import publish
from docpipe.embed.local.batching import padded, token_batches
from docpipe.embed.local.local_embedder import LocalEmbedder
from docpipe.embed.local.torch_encoder import TorchEncoder
from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.settings import load_settings

LARGE: Mapping[str, Any] = {"hidden_size": 1_024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4_096}
"""BERT-large, of which XLM-RoBERTa-large and the large models of E5 and BGE have the layers."""
SIDE = 8_192
REPEATS = 3
_DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}


def measure_card(device: str, chunks: int, sweep: Sequence[int]) -> None:
    """Measure both models and publish `embed_speed_cuda`."""
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch:
        home = Path(scratch)
        small = find_model(load_settings(home=home))
        large = find_model(load_settings(home=home, embedder=str(build_large(home / "bert-large", small, LARGE))))
        rows = model_rows(small, device, chunks, sweep) + model_rows(large, device, max(1, chunks // 10), sweep)
    card = torch.cuda.get_device_name() if device == "cuda" else "none"
    publish("embed_speed_cuda", rows, card=card, torch=torch.__version__, chunks=chunks)


def model_rows(model: EmbeddingModel, device: str, chunks: int, sweep: Sequence[int]) -> list[dict[str, Any]]:
    """One row for each batch size."""
    encoder = TorchEncoder(model, device)
    limit = dense_rate(encoder.precision, device, SIDE if device == "cuda" else 256)
    texts, lengths = make_texts(chunks, model)
    gflop = shape_of(model).gflop(lengths)
    ids = [np.array(one.ids, dtype=np.int32) for one in model.tokenizer().encode_batch_fast(texts)]
    rows = []
    for tokens in sweep:
        embedder = LocalEmbedder(model, encoder, tokens)
        batches = [padded([ids[place] for place in places]) for places in token_batches(lengths, tokens)]
        alone = seconds(lambda batches=batches: sum(len(vectors) for vectors in encoder.encode(batches)))  # type: ignore[misc]
        whole = seconds(lambda embedder=embedder: embedder.embed(texts))  # type: ignore[misc]
        rows.append(
            {
                "model": model.name,
                "precision": encoder.precision,
                "batch_tokens": tokens,
                "own_choice": tokens == encoder.batch_tokens,
                "encoder_chunks_per_s": round(chunks / alone, 1),
                "chunks_per_s": round(chunks / whole, 1),
                "tflop_per_s": round(gflop / whole / 1e3, 1),
                "limit_tflop_per_s": round(limit / 1e3, 1),
                "encoder_share": round(gflop / alone / limit, 3),
                "share": round(gflop / whole / limit, 3),
            }
        )
        print(rows[-1], flush=True)
    return rows


def dense_rate(precision: str, device: str, side: int) -> float:
    """GFLOP per second of one square multiplication, the best of several."""
    left, right = (torch.randn(side, side, device=device).to(_DTYPES[precision]) for _ in range(2))
    times = 20 if device == "cuda" else 1

    def multiply() -> None:
        for _ in range(times):
            torch.mm(left, right)
        if device == "cuda":
            torch.cuda.synchronize()

    return times * 2 * side**3 / 1e9 / seconds(multiply)


def seconds(run: Callable[[], object]) -> float:
    """Wall time of the fastest run, after one that does not count."""
    run()
    spent = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        run()
        spent.append(time.perf_counter() - started)
    return min(spent)


def build_large(folder: Path, tokenized_like: EmbeddingModel, sizes: Mapping[str, Any]) -> Path:
    """Save an encoder with random weights: its speed is that of a trained one."""
    vocabulary = tokenized_like.tokenizer().get_vocab_size()
    transformers.BertModel(transformers.BertConfig(vocab_size=vocabulary, **sizes)).save_pretrained(folder)
    shutil.copy(tokenized_like.tokenizer_file, folder / "tokenizer.json")
    return folder
