"""The language of a text, by py3langid."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

NO_LANGUAGE = "zxx"
"""ISO 639's code for what is no language; py3langid was trained to know it."""

_SAMPLE = 1_500
_LEAST_LETTERS = 8
_LEAST_CONFIDENCE = 0.5
"""py3langid's confidence is calibrated over text length: below one half, another language is as likely."""


def detect(text: str) -> str:
    """ISO 639-1 code; empty where the text is too short to tell; `NO_LANGUAGE` for gibberish. Reads the first 1,500 characters."""
    sample = text[:_SAMPLE]
    if sum(map(str.isalpha, sample)) < _LEAST_LETTERS:
        return ""
    language, confidence = _identifier().classify(sample)
    return str(language) if confidence >= _LEAST_CONFIDENCE else ""


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages([code for code in identifier.labels if len(code) == 2 or code == NO_LANGUAGE])
    return identifier
