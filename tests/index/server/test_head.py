from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from docpipe.index import Entry
from docpipe.index.point import point_id
from docpipe.index.server.head import head_id, passage_id, revision_of
from tests.index.entries import entry


def test_the_same_content_is_the_same_writing() -> None:
    assert revision_of(entry("a")) == revision_of(entry("a"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda one: replace(one, generation=2), id="generation"),
        pytest.param(lambda one: replace(one, payload={**one.payload, "document_class": "invoice"}), id="payload"),
        pytest.param(lambda one: replace(one, passages=one.passages[:2], vectors=one.vectors[:2]), id="fewer-passages"),
        pytest.param(lambda one: replace(one, passages=[replace(one.passages[0], text="else"), *one.passages[1:]]), id="text"),
        pytest.param(lambda one: replace(one, vectors=np.roll(one.vectors, 1)), id="vectors"),
    ],
)
def test_whatever_is_stored_makes_another_writing(change: Callable[[Entry], Entry]) -> None:
    assert revision_of(change(entry("a"))) != revision_of(entry("a"))


def test_a_revision_is_a_number_that_any_reader_of_json_keeps() -> None:
    assert all(0 <= revision_of(entry("a", generation)) < 2**53 for generation in range(100))


def test_ids_stay_what_they_are_over_versions() -> None:
    """Another id would leave every stored head and passage without an owner."""
    assert head_id("a") == "7b7f562f-addf-5841-b9bc-4337a0897da1"
    assert passage_id(point_id("a", 1, 0), 7) == "74f78c8d-7b4a-5bda-8e3c-60605017917c"
