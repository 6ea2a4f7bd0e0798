"""Turns a model's weights into an OpenVINO graph; run as a program, in a process of its own.

    python -m docpipe.embed.conversion FOLDER POOLING TARGET

Its own process, because torch and transformers would stay in the worker's memory for good (about 350 MB) and because
tracing changes global state and warns about it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from docpipe.embed.openvino_encoder import GRAPH_FILE, load_openvino
from docpipe.embed.torch_encoder import load_network
from docpipe.errors import ModelMissing

_SMALLEST_COSINE = 0.9999


def convert(folder: Path, pooling: str, target: Path) -> None:
    """Write the graph with pooling and scaling inside to `target`, after comparing it with torch on another shape."""
    openvino = load_openvino()
    network = load_network(folder, pooling)
    ids, mask = _example(texts=3, width=17)
    names = ("input_ids", "attention_mask")
    with torch.inference_mode():
        graph = openvino.convert_model(
            network,
            example_input=dict(zip(names, (ids, mask), strict=True)),
            input=[(name, [-1, -1], openvino.Type.i64) for name in names],
        )
        ids, mask = _example(texts=5, width=40)
        expected = network(ids, mask).numpy()
    compiled = openvino.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    made = compiled({"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0]
    cosine = float(np.sum(expected * made, axis=1).min())
    if not cosine > _SMALLEST_COSINE:
        raise ModelMissing(f"the converted model in {folder} differs from the original (cosine {cosine:.5f})")
    openvino.save_model(graph, target / GRAPH_FILE, compress_to_fp16=False)


def _example(texts: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens with padding in every row but the first, so that the mask is part of what is traced."""
    ids = torch.arange(texts * width).reshape(texts, width) % 97 + 5
    mask = (torch.arange(width) < width - torch.arange(texts).unsqueeze(1) * 3).long()
    return ids, mask


if __name__ == "__main__":
    convert(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
