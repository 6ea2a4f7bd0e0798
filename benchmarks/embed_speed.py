"""How fast the embedder is, as a share of the rate at which this machine multiplies matrices.

    python -m benchmarks.embed_speed [--device cpu|cuda] [--chunks 192] [--tokens 512 1024 2048 4096 8192]

On a CPU: first the limit, the matrix rate of one core in bf16 and f32 for MiniLM's shapes, by torch or by OpenVINO, whichever
is faster. Then the whole `embed()` (tokenizing, batching, inference, checks) on chunks of 172 tokens on average, for both
backends in both formats, and for OpenVINO every batch size on one core, on all cores together, and with one stream a core. A
share is arithmetic of real tokens per CPU-second (padding counts as no work) against a core's limit in the same format;
`share_now` compares with the same multiplications run just before and after, so that it holds on a busy machine too, whose
cores slow down. `share` compares the best round with the best the limit has ever shown.

On CUDA: see `benchmarks.embed_card`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.embed_limit import Yardstick, core_rates
from benchmarks.embed_work import Shape, make_texts, shape_of
from benchmarks.result import publish
from docpipe.cores import usable_cores
from docpipe.embed.local.encoder import Encoder
from docpipe.embed.local.local_embedder import LocalEmbedder
from docpipe.embed.local.openvino_encoder import OpenvinoEncoder
from docpipe.embed.local.precision import cpu_precision
from docpipe.embed.local.torch_encoder import TorchEncoder
from docpipe.embed.model import EmbeddingModel, find_model
from docpipe.settings import load_settings

SLICES = 4
"""The chunks are embedded in so many parts, neighbours in length together as in the stage, the yardstick between them."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to run the model."""

    backend: str
    precision: str
    tokens: int
    """Of a batch; 0 for the encoder's own choice."""
    streams: int
    threads: int

    def encoder(self, model: EmbeddingModel, models: Path) -> Encoder:
        if self.backend == "openvino":
            return OpenvinoEncoder(model, models, self.precision, self.streams, self.threads)
        return TorchEncoder(model, "cpu", self.precision, self.threads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--chunks", type=int, default=0)
    parser.add_argument("--tokens", type=int, nargs="+", default=())
    arguments = parser.parse_args()
    if arguments.device == "cuda":
        from benchmarks.embed_card import measure_card

        measure_card("cuda", arguments.chunks or 20_000, arguments.tokens or (4_096, 8_192, 16_384, 32_768, 65_536, 131_072, 262_144))
        return
    with TemporaryDirectory(prefix="docpipe-bench-") as scratch:
        measure_cpu(Path(scratch), arguments.chunks or 192, arguments.tokens or (512, 1_024, 2_048, 4_096, 8_192))


def measure_cpu(home: Path, chunks: int, sweep: Sequence[int]) -> None:
    """Measure every way and publish `embed_speed`."""
    model = find_model(load_settings(home=home))
    shape, (texts, lengths) = shape_of(model), make_texts(chunks, model)
    limits = {precision: core_rates(shape, precision) for precision in ("bf16", "f32")}
    yardsticks = {precision: Yardstick(shape, precision) for precision in limits}
    rows = []
    for way in ways(sweep, usable_cores()):
        embedder = LocalEmbedder(model, way.encoder(model, home / "models"), way.tokens)
        rounds = measured(embedder.embed, texts, lengths, shape, yardsticks[way.precision].rate)
        rows.append(row(way, embedder.encoder.batch_tokens, rounds, limits[way.precision]["limit"]))
        print(rows[-1], flush=True)
    facts = {
        "chunks": chunks,
        "tokens_per_chunk": round(statistics.mean(lengths)),
        "gflop_per_chunk": round(shape.gflop(lengths) / chunks, 2),
    }
    matrix_rates = {precision: {name: round(rate, 1) for name, rate in rates.items()} for precision, rates in limits.items()}
    publish("embed_speed", rows, **facts, gflop_per_core_second=matrix_rates)


def ways(sweep: Sequence[int], cores: int) -> list[Way]:
    """The backends as they come, then OpenVINO's batch sizes, streams and threads."""
    plain = [Way("openvino", precision, 0, cores, cores) for precision in ("bf16", "f32")]
    plain += [Way("torch", precision, 0, cores, cores) for precision in ("bf16", "f32")]
    layouts = dict.fromkeys([(1, 1), (1, cores), (cores, cores)])
    return plain + [Way("openvino", cpu_precision(), tokens, *layout) for layout in layouts for tokens in sweep]


@dataclass(frozen=True, slots=True)
class Round:
    """One slice of the chunks."""

    chunks: int
    gflop: float
    cpu_seconds: float
    wall_seconds: float
    yardstick: float
    """GFLOP per CPU-second of one core just before and after, the mean."""


def measured(
    embed: Callable[[Sequence[str]], Any],
    texts: Sequence[str],
    lengths: Sequence[int],
    shape: Shape,
    yardstick: Callable[[], float],
) -> list[Round]:
    """Embed slice by slice, after one that does not count."""
    size = -(-len(texts) // SLICES)
    embed(texts[::SLICES])
    rounds = []
    before = yardstick()
    for start in range(0, len(texts), size):
        part = slice(start, start + size)
        cpu, wall = time.process_time(), time.perf_counter()
        embed(texts[part])
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        after = yardstick()
        rounds.append(Round(len(texts[part]), shape.gflop(lengths[part]), cpu, wall, (before + after) / 2))
        before = after
    return rounds


def row(way: Way, own_tokens: int, rounds: Sequence[Round], limit: float) -> dict[str, Any]:
    """One line of the table; `limit` is GFLOP per second of one core."""
    rates = [one.gflop / one.cpu_seconds for one in rounds]
    chunks, cpu = sum(one.chunks for one in rounds), sum(one.cpu_seconds for one in rounds)
    return {
        "backend": way.backend,
        "precision": way.precision,
        "batch_tokens": way.tokens or own_tokens,
        "streams": way.streams,
        "threads": way.threads,
        "chunks_per_s": round(chunks / sum(one.wall_seconds for one in rounds), 1),
        "chunks_per_cpu_s": round(chunks / cpu, 1),
        "cpu_ms_per_chunk": round(1e3 * cpu / chunks, 1),
        "gflop_per_cpu_s": round(statistics.median(rates), 1),
        "share": round(max(rates) / limit, 3),
        "share_now": round(statistics.median(rate / one.yardstick for rate, one in zip(rates, rounds, strict=True)), 3),
    }


if __name__ == "__main__":
    main()
