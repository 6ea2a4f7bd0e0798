"""What one recipient is told of one alert."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from docpipe.alerts.rule import Severity
from docpipe.alerts.state import NoticeKind


@dataclass(frozen=True, slots=True)
class Notice:
    """Entered in the ledger together with the change that it speaks of, and kept until it arrived."""

    sink: str
    rule: str
    labels: Mapping[str, str]
    kind: NoticeKind
    severity: Severity
    value: float
    message: str
    at: datetime
    number: int = 0
    """Set by the ledger."""
    attempts: int = 0

    @property
    def id(self) -> str:
        """The same for every delivery of the same notice, by every way: recipients can tell a repetition by it."""
        text = json.dumps([self.rule, sorted(self.labels.items()), self.kind.value, self.at.isoformat()])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def title(self) -> str:
        return f"[{self.severity.value}] {self.rule} {self.kind.value}"
