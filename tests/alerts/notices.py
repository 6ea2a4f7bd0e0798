"""A notice to send."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from docpipe.alerts.notice import Notice
from docpipe.alerts.rule import Severity
from docpipe.alerts.state import NoticeKind


def notice(**changes: Any) -> Notice:
    at = datetime(2026, 11, 22, 12, tzinfo=UTC)
    made = Notice("log", "waits", {"lane": "cpu"}, NoticeKind.FIRING, Severity.CRITICAL, 4_000.0, "4,000 s on lane=cpu", at, number=7)
    return replace(made, **changes)
