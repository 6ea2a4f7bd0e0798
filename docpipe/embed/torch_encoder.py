"""The torch backend, on CPU and CUDA, and the network that the OpenVINO graph is made from.

Imports torch and transformers: import this module only where a model is really wanted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor

from docpipe.embed.model import EmbeddingModel
from docpipe.embed.precision import cpu_precision
from docpipe.errors import ModelMissing, TransientError


class PooledEncoder(torch.nn.Module):
    """A transformer, its pooling and the scaling to unit length as one network."""

    def __init__(self, transformer: torch.nn.Module, pooling: str) -> None:
        super().__init__()
        self.transformer = transformer
        self.pooling = pooling

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        # Sums over a window of tokens lose too much in bf16.
        states = self.transformer(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state.float()
        return torch.nn.functional.normalize(self._pool(states, attention_mask.unsqueeze(-1)), dim=-1)

    def _pool(self, states: Tensor, mask: Tensor) -> Tensor:
        if self.pooling == "cls":
            return states[:, 0]
        if self.pooling == "max":
            return states.masked_fill(mask == 0, float("-inf")).max(dim=1).values
        return (states * mask).sum(dim=1) / mask.sum(dim=1)


def load_network(folder: Path, pooling: str, dtype: torch.dtype = torch.float32) -> PooledEncoder:
    """Load a model's weights for inference; never reaches out to a model hub, never runs code from the folder."""
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        network = transformers.AutoModel.from_pretrained(
            folder, dtype=dtype, attn_implementation="sdpa", local_files_only=True, use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelMissing(f"the model in {folder} cannot be loaded ({error}): reinstall it, or choose another") from error
    return PooledEncoder(network, pooling).eval()


class TorchEncoder:
    """Runs the model with torch, on the first CUDA device where there is one."""

    def __init__(self, model: EmbeddingModel) -> None:
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        fast = torch.cuda.is_bf16_supported() if self._device.type == "cuda" else cpu_precision() == "bf16"
        self.precision = "bf16" if fast else "f32"
        self._network = load_network(model.folder, model.pooling, torch.bfloat16 if fast else torch.float32).to(self._device)

    def encode(self, ids: NDArray[np.int64], mask: NDArray[np.int64]) -> NDArray[np.float32]:
        try:
            with torch.inference_mode():
                vectors = self._network(torch.from_numpy(ids).to(self._device), torch.from_numpy(mask).to(self._device))
                array: NDArray[np.float32] = vectors.cpu().numpy()
                return array
        except RuntimeError as error:
            raise TransientError(f"torch could not embed {ids.size} tokens ({error}): lower DOCPIPE_EMBED_BATCH_TOKENS") from error
