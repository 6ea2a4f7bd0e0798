import numpy as np
import pytest
from numpy.typing import NDArray

from docpipe.embed.vectors import unit_vectors
from docpipe.errors import EmbeddingInvalid


def test_vectors_are_scaled_to_unit_length() -> None:
    made = unit_vectors(np.array([[3.0, 4.0], [0.0, 0.5]], dtype=np.float32), 2, 2)
    np.testing.assert_allclose(made, [[0.6, 0.8], [0.0, 1.0]], rtol=1e-6)
    assert made.dtype == np.float32


def test_no_vectors_are_fine() -> None:
    assert unit_vectors(np.empty((0, 4), dtype=np.float32), 0, 4).shape == (0, 4)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((2, 3)), "shape"),
        (np.ones((1, 4)), "shape"),
        (np.array([[1, 1, 1, 1], [1, np.nan, 1, 1]]), "finite"),
        (np.array([[1, 1, 1, 1], [1, np.inf, 1, 1]]), "finite"),
        (np.array([[1, 1, 1, 1], [0, 0, 0, 0]]), "zero"),
    ],
)
def test_a_vector_that_cannot_be_searched_is_refused(vectors: NDArray[np.float64], message: str) -> None:
    with pytest.raises(EmbeddingInvalid, match=message):
        unit_vectors(vectors.astype(np.float32), 2, 4)
