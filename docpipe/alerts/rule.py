"""An alert rule: which number, compared with what, for how long, and what is said then."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from docpipe.metrics.sample import Sample


class Severity(StrEnum):
    """How soon somebody has to look."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Operator(StrEnum):
    """How a number is compared with the threshold."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="
    EQUAL = "=="
    UNEQUAL = "!="

    def holds(self, value: float, threshold: float) -> bool:
        return _COMPARED[self](value, threshold)


_COMPARED: Mapping[Operator, Callable[[float, float], bool]] = {
    Operator.ABOVE: operator.gt,
    Operator.AT_LEAST: operator.ge,
    Operator.BELOW: operator.lt,
    Operator.AT_MOST: operator.le,
    Operator.EQUAL: operator.eq,
    Operator.UNEQUAL: operator.ne,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Some of the numbers that stand under one name."""

    metric: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Allowed values by label; a label that is not named may have any."""

    def takes(self, sample: Sample) -> bool:
        return sample.name == self.metric and all(sample.labels.get(name) in values for name, values in self.labels.items())


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the file."""

    name: str
    of: Selection
    operator: Operator
    threshold: float
    severity: Severity
    message: str
    """May hold the placeholders of `docpipe.alerts.message`."""
    hold_seconds: float = 0.0
    """How long the condition has to hold before anybody is told."""
    cooldown_seconds: float = 3_600.0
    """Shortest time between two notices of the same alert, and how often one is repeated; 0: told once each time."""
    window_seconds: float = 0.0
    """Of counters: the time whose increase is compared."""
    share_of: Selection | None = None
    """The number is divided by the increase of these."""
    at_least: float = 0.0
    """Of a share: how much there has to be to speak of one."""
    quantile: float | None = None
    """Of a histogram, 0 to 1."""
    by: tuple[str, ...] | None = None
    """Labels that tell one alert from another, all other numbers are added up; None: every number is an alert of its own."""
    sinks: tuple[str, ...] | None = None
    """Which ways it goes; None: all that are configured."""

    def holds(self, value: float) -> bool:
        return self.operator.holds(value, self.threshold)
