"""What every stored vector must be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from docpipe.errors import EmbeddingInvalid


def unit_vectors(vectors: NDArray[np.float32], count: int, dimension: int) -> NDArray[np.float32]:
    """Check (count, dimension) vectors and scale them to unit length; raises `EmbeddingInvalid` for one that cannot be."""
    if vectors.shape != (count, dimension):
        raise EmbeddingInvalid(f"the vectors have shape {vectors.shape} instead of {(count, dimension)}: embed the document again")
    if not np.isfinite(vectors).all():
        raise EmbeddingInvalid("a vector is not finite: embed the document again, with DOCPIPE_EMBED_BACKEND=torch if it happens again")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        raise EmbeddingInvalid("a vector is zero and has no direction: embed the document again")
    return np.asarray(vectors / lengths, dtype=np.float32)


def shortened(vectors: NDArray[np.float32], dimension: int) -> NDArray[np.float32]:
    """Keep the first numbers of every vector and scale them to unit length again, as Matryoshka models are trained for."""
    if vectors.shape[1] == dimension:
        return vectors
    return unit_vectors(vectors[:, :dimension], len(vectors), dimension)
