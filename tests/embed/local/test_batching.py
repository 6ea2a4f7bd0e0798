from hypothesis import given
from hypothesis import strategies as st

from docpipe.embed.local.batching import token_batches


def test_longest_first_and_cut_by_padded_tokens() -> None:
    assert list(token_batches([8, 64, 8, 60, 8], budget=128)) == [[1, 3], [0, 2, 4]]


def test_a_text_longer_than_the_budget_stands_alone() -> None:
    assert list(token_batches([200, 200, 10], budget=100)) == [[0], [1], [2]]


def test_nothing_makes_no_batch() -> None:
    assert list(token_batches([], budget=100)) == []


@given(st.lists(st.integers(0, 256)), st.integers(1, 5000))
def test_every_text_is_in_one_batch_that_fits(lengths: list[int], budget: int) -> None:
    batches = list(token_batches(lengths, budget))
    assert sorted(index for indices in batches for index in indices) == list(range(len(lengths)))
    for indices in batches:
        longest = max(lengths[index] for index in indices)
        assert lengths[indices[0]] == longest
        assert len(indices) == 1 or len(indices) * longest <= budget
