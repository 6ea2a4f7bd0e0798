from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from docpipe.embed.embedder import open_local_embedder
from docpipe.embed.local.encoder import Batch
from docpipe.embed.local.openvino_encoder import OpenvinoEncoder
from docpipe.errors import TransientError
from docpipe.settings import Settings

MakeSettings = Callable[..., Settings]


def batch(texts: int, width: int, first: int = 1_000) -> Batch:
    ids = np.arange(first, first + texts * width, dtype=np.int64).reshape(texts, width)
    return Batch(ids, np.ones_like(ids))


@pytest.fixture
def encoder(settings: MakeSettings) -> OpenvinoEncoder:
    found = open_local_embedder(settings(embed_backend="openvino")).encoder
    assert isinstance(found, OpenvinoEncoder)
    return found


def test_results_come_in_the_order_of_the_batches(encoder: OpenvinoEncoder) -> None:
    # The longest batches first and last: those between are done earlier.
    batches = [batch(8, 200), *(batch(1, width) for width in range(3, 12)), batch(8, 200, first=9_000)]
    alone = [next(encoder.encode([one])) for one in batches]
    together = list(encoder.encode(iter(batches)))
    assert [made.shape for made in together] == [(len(one.ids), 384) for one in batches]
    for one, other in zip(alone, together, strict=True):
        assert np.sum(one * other, axis=1).min() > 0.9995


def test_a_batch_is_read_before_the_result_of_the_last_is_asked_for(encoder: OpenvinoEncoder) -> None:
    read: list[int] = []

    def batches() -> Iterator[Batch]:
        for number in range(50):
            read.append(number)
            yield batch(1, 4)

    results = encoder.encode(batches())
    next(results)
    assert 1 < len(read) < 50
    results.close()  # type: ignore[attr-defined]
    assert len(list(encoder.encode([batch(1, 4)] * 20))) == 20


def test_a_query_comes_between_the_batches_of_a_run(encoder: OpenvinoEncoder) -> None:
    batches = [batch(2, 30, first=1_000 + number) for number in range(12)]
    alone = [next(encoder.encode([one])) for one in batches]
    run = encoder.encode(iter(batches))
    made = [next(run)]
    (query,) = encoder.encode([batches[5]])
    made += run
    for one, other in zip([*alone, alone[5]], [*made, query], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_failing_device_is_transient_and_the_next_batch_is_not(encoder: OpenvinoEncoder) -> None:
    wrong = Batch(np.zeros((2, 8), dtype=np.int64), np.ones((3, 5), dtype=np.int64))
    with pytest.raises(TransientError, match="DOCPIPE_EMBED_BATCH_TOKENS"):
        list(encoder.encode([batch(1, 4), wrong, batch(1, 4)]))
    assert len(list(encoder.encode([batch(1, 4)] * 5))) == 5
