"""What a vision model is asked."""

from __future__ import annotations

from enum import StrEnum

PROMPT_VERSION = "1"
"""Raised by hand whenever a text below changes: it is part of what an artifact is made of."""

NOTHING = "NOTHING"
"""What the model is told to answer where there is nothing to be said."""


class Prompt(StrEnum):
    """The two questions."""

    FIGURE = (
        "This is a figure from a document. Describe it for a search index in the language of its text, or in English where it has none: "
        "what kind of figure it is, what it shows, and every title, label, legend and value that can be read in it. "
        "For a chart give its axes, series and trends; for a diagram its parts and how they are connected. "
        "Plain text, at most 200 words, no introduction. Say only what can be seen. "
        f"If it is only decoration, answer {NOTHING}."
    )
    PAGE = (
        "This is a page of a document. Write down its text exactly as it stands, in reading order and in its own language and script. "
        "Begin a heading with #, a list item with -, and leave an empty line between paragraphs; "
        "write a row of a table as cells between |. "
        "If pictures are more than decoration, describe each in one sentence in square brackets. "
        f"Do not translate, do not explain, do not add anything. If there is nothing to be read or described, answer {NOTHING}."
    )

    @property
    def longest_answer(self) -> int:
        """Tokens."""
        return 600 if self is Prompt.FIGURE else 4_000
