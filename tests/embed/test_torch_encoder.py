from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from docpipe.embed.torch_encoder import PooledEncoder

STATES = torch.tensor([[[1.0, 0.0], [0.0, 3.0], [9.0, 9.0]], [[2.0, 1.0], [-4.0, 0.0], [0.0, 5.0]]])
MASK = torch.tensor([[1, 1, 0], [1, 1, 1]])


class FixedStates(torch.nn.Module):
    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=STATES.to(torch.bfloat16))


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [("mean", [[0.5, 1.5], [-2 / 3, 2]]), ("cls", [[1, 0], [2, 1]]), ("max", [[1, 3], [2, 5]])],
)
def test_padding_is_never_pooled(pooling: str, expected: list[list[float]]) -> None:
    made = PooledEncoder(FixedStates(), pooling)(MASK, MASK).numpy()
    wanted = np.array(expected)
    np.testing.assert_allclose(made, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), rtol=1e-5)
