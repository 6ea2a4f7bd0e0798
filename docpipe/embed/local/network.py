"""A transformer with its pooling as one torch network, which torch runs and OpenVINO's graph is made from.

Imports torch and transformers: import this module only where a model is really wanted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor

from docpipe.errors import ModelMissing


class PooledEncoder(torch.nn.Module):
    """A transformer, its pooling and the scaling to unit length as one network."""

    def __init__(self, transformer: Any, pooling: str) -> None:
        """`transformer` is one of transformers' models, `pooling` one of `docpipe.embed.model_folder.POOLINGS`."""
        super().__init__()
        self.transformer: Any = transformer
        self.pooling = pooling

    @property
    def vocabulary(self) -> int:
        """Number of tokens that have an id."""
        return int(self.transformer.get_input_embeddings().weight.shape[0])

    def forward(self, input_ids: Tensor, attention_mask: Tensor, full: bool = False) -> Tensor:
        """(texts, dimension) of unit length, in f32; `full` where no row is padded, for which attention is faster without a mask."""
        seen = None if full else attention_mask
        # Sums over a window of tokens lose too much in bf16.
        states = self.transformer(input_ids=input_ids, attention_mask=seen).last_hidden_state.float()
        return torch.nn.functional.normalize(self._pool(states, attention_mask.unsqueeze(-1)), dim=-1)

    def _pool(self, states: Tensor, mask: Tensor) -> Tensor:
        if self.pooling == "cls":
            return states[:, 0]
        if self.pooling == "max":
            return states.masked_fill(mask == 0, float("-inf")).max(dim=1).values
        if self.pooling == "last":
            last = (mask.sum(dim=1, keepdim=True) - 1).expand(-1, 1, states.shape[-1])
            return states.gather(1, last).squeeze(1)
        return (states * mask).sum(dim=1) / mask.sum(dim=1)


def load_network(folder: Path, pooling: str, dtype: torch.dtype = torch.float32) -> PooledEncoder:
    """Load a model's weights for inference; never reaches out to a model hub, never runs code from the folder.

    Raises `ModelMissing` for weights that are damaged, incomplete or of an unknown architecture.
    """
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        # What generates text keeps every layer's keys and values, which a vector has no use for.
        config.use_cache = False
        network, loading = transformers.AutoModel.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            attn_implementation="sdpa",
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    # Damage shows as any error: of safetensors, of the file system, of a configuration that makes no sense.
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelMissing(f"the model in {folder} cannot be loaded ({reason}): reinstall it, or choose another") from error
    # The pooler above the first token is trained for another task and often left out.
    missing = sorted(name for name in loading["missing_keys"] if not name.startswith("pooler."))
    if missing:
        raise ModelMissing(f"the weights in {folder} lack {missing[0]} and {len(missing) - 1} more: reinstall the model")
    return PooledEncoder(network, pooling).eval()
