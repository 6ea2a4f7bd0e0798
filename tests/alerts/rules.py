"""Rules made for a test."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from docpipe.alerts.rule import Operator, Rule, Selection, Severity

WAITS = Rule(
    name="waits",
    of=Selection("docpipe_queue_oldest_seconds"),
    operator=Operator.ABOVE,
    threshold=10,
    severity=Severity.WARNING,
    message="{value} s on {labels}",
    hold_seconds=120,
    cooldown_seconds=600,
)


def rule(**changes: Any) -> Rule:
    return replace(WAITS, **changes)
