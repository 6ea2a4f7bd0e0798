"""The ways by which people are told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from docpipe.alerts.notice import Notice
from docpipe.settings import Settings

SINKS = ("log", "webhook", "email")
"""Their names, as rules use them."""


class Sink(Protocol):
    """One way."""

    def send(self, notice: Notice) -> None:
        """Deliver, or raise a `TransientError`: then it is tried again, so recipients may get a notice twice and never not at all."""


def open_sinks(settings: Settings) -> Mapping[str, Sink]:
    """Those that are configured; the log always is."""
    from docpipe.alerts.log_sink import LogSink
    from docpipe.alerts.mail_sink import MailSink
    from docpipe.alerts.webhook_sink import WebhookSink

    sinks: dict[str, Sink] = {"log": LogSink()}
    if settings.alert_webhook.get_secret_value():
        sinks["webhook"] = WebhookSink(settings)
    if settings.alert_email_to:
        sinks["email"] = MailSink(settings)
    return sinks
