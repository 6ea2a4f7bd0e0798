from __future__ import annotations

import numpy as np
import pytest

from docpipe.embed.model import find_model
from docpipe.enrich.classes import choose, opening
from docpipe.settings import load_settings

LABELS = np.eye(3, dtype=np.float32)
NAMES = ("invoice", "contract", "book")


@pytest.mark.parametrize(
    ("vector", "expected"),
    [((0.9, 0.4, 0.1), "invoice"), ((0.24, 0.1, 0.0), ""), ((0.5, 0.46, 0.0), ""), ((0.1, 0.25, 0.2), "contract"), ((-0.5, -0.2, 0.0), "")],
)
def test_a_class_must_be_near_and_lead(vector: tuple[float, ...], expected: str) -> None:
    name, scores = choose(np.array(vector, dtype=np.float32), LABELS, NAMES)
    assert name == expected
    assert scores == pytest.approx(dict(zip(NAMES, vector, strict=True)))


def test_one_label_needs_no_lead() -> None:
    assert choose(np.array([0.3, 0, 0], dtype=np.float32), LABELS[:1], NAMES[:1]) == ("invoice", {"invoice": 0.3})


@pytest.mark.parametrize(
    "text", ["", "short", "word " * 1_000, "漢字" * 5_000, "unbelievably" * 300, "🎉 é\u0301 " * 400, "half \ud800 a pair"]
)
@pytest.mark.parametrize("window", [254, 30])
def test_the_opening_fits(text: str, window: int) -> None:
    tokenizer = find_model(load_settings()).tokenizer()
    cut = opening(text, tokenizer, window)
    assert text.replace("\ud800", "").startswith(cut)
    assert len(tokenizer.encode(cut, add_special_tokens=False).ids) <= min(200, window)
    assert cut or not text
