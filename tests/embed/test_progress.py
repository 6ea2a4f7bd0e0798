from __future__ import annotations

import logging
import re

import pytest

from docpipe.embed import progress as progress_module
from docpipe.embed.progress import EmbedProgress


def test_it_says_how_far_how_fast_and_what_was_known() -> None:
    progress = EmbedProgress(documents=3)
    progress.read(600)
    progress.read(1_400)
    assert "0 of 2,000 chunks in 2 of 3 documents read so far" in str(progress)
    progress.read(0)
    progress.advance(chunks=500, made=400, tokens=80_000)
    assert re.fullmatch(r"embeddings: 500 of 2,000 chunks; [\d,.]+ chunks/s, [\d,]+ tokens/s, 20% known before", str(progress))


def test_it_speaks_now_and_then(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    progress = EmbedProgress(documents=1)
    progress.read(10)
    progress.advance(1, 1, 9)
    assert not caplog.records
    monkeypatch.setattr(progress_module, "INTERVAL_SECONDS", 0.0)
    progress.advance(1, 1, 9)
    assert "2 of 10 chunks" in caplog.text
