"""What the other processes of a test do."""

from __future__ import annotations

import itertools
from pathlib import Path

from docpipe.cost.till import paid_for
from docpipe.embed.embedder import open_embedder
from docpipe.errors import BudgetSpent
from docpipe.models import StageName
from docpipe.settings import load_settings
from tests.cost.paid_settings import paid


def embed_one_by_one(url: str, home: Path, ledger: str, limit: float) -> int:
    """Embed a text a request until the budget is spent; returns how many there were."""
    home.mkdir(parents=True)
    settings = load_settings(**paid(url, home) | {"ledger": ledger, "budgets": f"shop={limit}"})
    embedder = open_embedder(settings)
    for number in itertools.count():
        with paid_for(StageName.EMBEDDINGS):
            (part,) = embedder.embed_parts([f"text number {number % 10}"])
        if part.error:
            assert isinstance(part.error, BudgetSpent)
            return number
    raise AssertionError
