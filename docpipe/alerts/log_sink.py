"""Alerts as lines of the log."""

from __future__ import annotations

import logging

from docpipe.alerts.notice import Notice
from docpipe.alerts.rule import Severity
from docpipe.alerts.state import NoticeKind

log = logging.getLogger(__name__)

_LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.ERROR}


class LogSink:
    """Into the log of the process that looks at the rules."""

    def send(self, notice: Notice) -> None:
        level = _LEVELS[notice.severity] if notice.kind is NoticeKind.FIRING else logging.INFO
        log.log(level, "%s: %s", notice.title, notice.message, extra={"alert": notice.rule, "alert_labels": dict(notice.labels)})
