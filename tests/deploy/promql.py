"""What a PromQL expression asks for, read without Prometheus: enough to compare it with the metrics that there are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SELECTOR = re.compile(r"(?<![\w:.])([a-zA-Z_:][\w:]*)\s*\{([^{}]*)\}")
_GROUPED = re.compile(r"\b(?:by|without|on|ignoring)\s*\(([^()]*)\)")
_WORD = re.compile(r"(?<![\w:.$\[])([a-zA-Z_:][\w:]*)")
_WORDS = frozenset(
    ("sum", "max", "rate", "increase", "histogram_quantile", "time", "vector", "by", "without", "on", "ignoring", "and", "or", "unless")
)
"""Functions, aggregations and operators that we use."""
_PAIRS = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True)
class Expression:
    """An expression taken apart."""

    metrics: frozenset[str]
    selected: Mapping[str, frozenset[str]]
    """Labels in braces, by metric."""
    grouped: frozenset[str]
    """Labels that the expression groups by."""


def read(text: str) -> Expression:
    """Raises `ValueError` for brackets that do not close and for words that are no metric."""
    bare = _STRING.sub('""', text)
    _check_brackets(bare)
    selected: dict[str, frozenset[str]] = {}
    for metric, labels in _SELECTOR.findall(bare):
        found = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels)
        selected[metric] = selected.get(metric, frozenset()) | frozenset(found)
    grouped = frozenset(label.strip() for labels in _GROUPED.findall(bare) for label in labels.split(",") if label.strip())
    rest = _GROUPED.sub("", re.sub(r"\{[^{}]*\}|\[[^\[\]]*\]", "", bare))
    words = frozenset(word for word in _WORD.findall(rest) if word not in _WORDS and not re.fullmatch(r"\d.*", word))
    if strange := {word for word in words if not word.startswith(("docpipe", "up", "ALERTS"))}:
        raise ValueError(f"{sorted(strange)} in {text}")
    return Expression(words, selected, grouped)


def _check_brackets(text: str) -> None:
    open_ones: Sequence[str] = ()
    for letter in text:
        if letter in _PAIRS.values():
            open_ones = [*open_ones, letter]
        elif letter in _PAIRS:
            if not open_ones or open_ones[-1] != _PAIRS[letter]:
                raise ValueError(f"brackets that do not close: {text}")
            open_ones = open_ones[:-1]
    if open_ones:
        raise ValueError(f"brackets that do not close: {text}")
