"""A cross-encoder, which reads query and passage together and so judges better than two vectors, at the price of a model run."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from docpipe.embed.local.precision import cpu_precision
from docpipe.errors import ConfigurationError, ModelMissing, TransientError
from docpipe.settings import Settings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BATCH = 16
"""Pairs that the model reads at a time, the longest ones together."""
_FILES = ("config.json", "tokenizer.json")

_open: dict[tuple[int, Path], Reranker] = {}
_opening = threading.Lock()


@dataclass(frozen=True, slots=True)
class Judged:
    """What the cross-encoder thinks of some passages, in their order."""

    scores: NDArray[np.float32]
    """Before any activation: higher is better."""
    cut: tuple[bool, ...]
    """Whether query and passage together were longer than the window."""


class Reranker:
    """One loaded cross-encoder; safe for threads, which take turns.

    `window` counts the tokens that it reads of query and passage together, special ones included.
    """

    def __init__(self, folder: Path) -> None:
        """Load it; never reaches out to a model hub, never runs code from the folder. Raises `ModelMissing` where it cannot be used."""
        self.folder = folder
        self._encoder, self.window = _load(folder)
        self._turn = threading.Lock()

    def judge(self, query: str, passages: Sequence[str]) -> Judged:
        """Score passages for a query.

        Raises `ConfigurationError` for scores that are not finite, `TransientError` when the device fails.
        """
        pairs = [(query, passage) for passage in passages]
        if not pairs:
            return Judged(np.empty(0, dtype=np.float32), ())
        with self._turn:
            try:
                # It sorts the pairs by length itself.
                scores = self._encoder.predict(pairs, batch_size=BATCH, show_progress_bar=False)
            except RuntimeError as error:
                raise TransientError(f"the cross-encoder could not read {len(pairs)} passages ({error}): try again") from error
            read = self._encoder.tokenizer(pairs, truncation=False, padding=False, return_attention_mask=False, verbose=False)["input_ids"]
        if not np.isfinite(scores).all():
            raise ConfigurationError(
                f"the cross-encoder in {self.folder} answers with scores that are not finite: set DOCPIPE_RERANKER to another, or unset it"
            )
        return Judged(np.asarray(scores, dtype=np.float32), tuple(len(tokens) > self.window for tokens in read))


def open_reranker(settings: Settings) -> Reranker | None:
    """Open the cross-encoder that the settings name, once a process; None where they name none. Raises `ModelMissing`."""
    if not settings.reranker:
        return None
    folder = Path(settings.reranker).expanduser().resolve()
    # The threads of an engine do not survive a fork, so a forked child opens its own.
    name = (os.getpid(), folder)
    with _opening:
        if name not in _open:
            _open[name] = Reranker(folder)
        return _open[name]


def _load(folder: Path) -> tuple[CrossEncoder, int]:
    advice = "set DOCPIPE_RERANKER to a folder that sentence-transformers' CrossEncoder saved, or unset it"
    if not folder.is_dir():
        raise ModelMissing(f"DOCPIPE_RERANKER: there is no folder {folder}: {advice}")
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing or not any(folder.glob("*.safetensors")):
        raise ModelMissing(f"{' and '.join(missing) or 'model.safetensors'} is missing in {folder}: {advice}")
    import torch
    import transformers
    from sentence_transformers import CrossEncoder

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    fast = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else cpu_precision() == "bf16"
    try:
        encoder: CrossEncoder = CrossEncoder(
            str(folder),
            local_files_only=True,
            trust_remote_code=False,
            # The folder's configuration may name any function of torch as the activation; none is needed to compare scores.
            activation_fn=torch.nn.Identity(),
            model_kwargs={"use_safetensors": True, "dtype": torch.bfloat16 if fast else torch.float32},
        )
        labels, window = encoder.num_labels, encoder.max_seq_length
        head = _untrained(encoder, folder)
    except Exception as error:  # the libraries raise whatever a broken file led them to
        raise ModelMissing(f"the cross-encoder in {folder} cannot be loaded ({type(error).__name__}: {error}): {advice}") from error
    if labels != 1:
        raise ModelMissing(f"the model in {folder} gives {labels} scores, and a cross-encoder that ranks gives one: {advice}")
    if head:
        raise ModelMissing(f"the weights in {folder} lack {', '.join(head)}: it is no cross-encoder, or was saved in part; {advice}")
    if not window:
        raise ModelMissing(f"{folder} does not say how many tokens the model reads: {advice}")
    return encoder, window


def _untrained(encoder: CrossEncoder, folder: Path) -> list[str]:
    """Weights of the scoring head that the folder lacks: the libraries would fill them with random numbers and say so in a log only."""
    from safetensors import safe_open

    network = encoder.model
    if network is None:
        return []
    saved: set[str] = set()
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="numpy") as file:
            saved |= set(file.keys())
    body = f"{network.base_model_prefix}."
    return sorted(name for name in network.state_dict() if not name.startswith(body) and name not in saved)
