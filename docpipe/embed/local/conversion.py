"""Turns a model's weights into an OpenVINO graph; run as a program, in a process of its own.

    python -m docpipe.embed.local.conversion FOLDER POOLING TARGET

Its own process, because torch and transformers would stay in the worker's memory for good (about 350 MB) and because
tracing changes global state and warns about it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from docpipe.embed.local.graph import GRAPH_FILE
from docpipe.embed.local.network import load_network
from docpipe.embed.local.openvino_encoder import load_openvino
from docpipe.errors import ModelMissing

_SMALLEST_COSINE = 0.9999
_FIRST_TOKEN = 5
"""Behind those that mean something to the model, padding above all."""


def convert(folder: Path, pooling: str, target: Path) -> None:
    """Write the graph with pooling and scaling inside to `target`; what was written is compared with torch on other shapes."""
    openvino = load_openvino()
    network = load_network(folder, pooling)
    known = min(97, network.vocabulary - _FIRST_TOKEN)
    ids, mask = _example(3, 17, known)
    names = ("input_ids", "attention_mask")
    with torch.inference_mode():
        graph = openvino.convert_model(
            network,
            example_input=dict(zip(names, (ids, mask), strict=True)),
            input=[(name, [-1, -1], openvino.Type.i64) for name in names],
        )
        openvino.save_model(graph, target / GRAPH_FILE, compress_to_fp16=False)
        # Read anew: a disk that was full when it was written shows here.
        written = openvino.Core().compile_model(target / GRAPH_FILE, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        for texts, width in ((5, 40), (1, 7)):
            ids, mask = _example(texts, width, known)
            expected = network(ids, mask).numpy()
            made = written({"input_ids": ids.numpy(), "attention_mask": mask.numpy()})[0]
            cosine = float(np.sum(expected * made, axis=1).min())
            if not cosine > _SMALLEST_COSINE:
                raise ModelMissing(f"the converted model in {folder} differs from the original (cosine {cosine:.5f})")


def _example(texts: int, width: int, known: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Some of `known` tokens, with padding in every row but the first, so that the mask is part of what is traced."""
    ids = torch.arange(texts * width).reshape(texts, width) % known + _FIRST_TOKEN
    mask = (torch.arange(width) < width - torch.arange(texts).unsqueeze(1) * 3).long()
    return ids, mask


if __name__ == "__main__":
    convert(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
