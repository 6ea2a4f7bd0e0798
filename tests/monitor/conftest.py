"""A monitor of an installation of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from docpipe.pipeline import Pipeline
from docpipe.settings import Settings


@pytest.fixture
def pipeline(settings: Callable[..., Settings]) -> Iterator[Pipeline]:
    opened = Pipeline(settings(budgets="openai=5"))
    yield opened
    opened.ledger.close()
