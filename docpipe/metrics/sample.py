"""One measured number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """A number under a name of `docpipe.metrics.catalog`."""

    name: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
