"""The text of an alert: a template with a few placeholders, and nothing that could reach further."""

from __future__ import annotations

import re
from collections.abc import Mapping

from docpipe.alerts.rule import Rule

PLACEHOLDERS = ("name", "metric", "labels", "value", "percent", "threshold", "severity", "window")
"""What may stand in braces; `percent` is the value of a share."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def unknown_placeholders(template: str) -> list[str]:
    """What stands in braces and is no placeholder."""
    return [name for name in _PLACEHOLDER.findall(template) if name not in PLACEHOLDERS]


def message_of(rule: Rule, labels: Mapping[str, str], value: float) -> str:
    """Fill in a rule's template. Not `str.format`, which reads attributes and takes any amount of padding."""
    values = {
        "name": rule.name,
        "metric": rule.of.metric,
        "labels": ", ".join(f"{name}={text}" for name, text in sorted(labels.items())),
        "value": number(value),
        "percent": f"{value:.1%}",
        "threshold": number(rule.threshold),
        "severity": rule.severity.value,
        "window": f"{number(rule.window_seconds / 60)} min",
    }
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), rule.message)


def number(value: float) -> str:
    """A number for people: whole ones whole, others to four digits."""
    return f"{value:,.0f}" if abs(value) < 1e15 and value == round(value) else f"{value:,.4g}"
