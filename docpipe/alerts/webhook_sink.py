"""Alerts as JSON to a web address."""

from __future__ import annotations

import httpx

from docpipe.alerts.notice import Notice
from docpipe.errors import TransientError
from docpipe.settings import Settings

SECONDS = 10.0
"""Longest wait for the connection, and for each part of the answer."""


class WebhookSink:
    """One POST a notice. A redirect is not followed: the secret header would go to whoever is named there."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.alert_webhook.get_secret_value()
        name, _, value = settings.alert_webhook_header.get_secret_value().partition(":")
        self._headers = {name.strip(): value.strip()} if name.strip() else {}

    def send(self, notice: Notice) -> None:
        body = {
            "id": notice.id,
            "alert": notice.rule,
            "state": notice.kind.value,
            "severity": notice.severity.value,
            "labels": dict(notice.labels),
            "value": notice.value,
            # What chat programs show.
            "text": f"{notice.title}: {notice.message}",
            "at": notice.at.isoformat(),
        }
        try:
            # The answer's body is of no interest, and might be endless.
            with httpx.stream("POST", self._url, json=body, headers=self._headers, timeout=SECONDS, follow_redirects=False) as answer:
                status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            # Its own text may have the address, which is often a secret.
            raise TransientError(f"the webhook was not reached ({type(error).__name__}): check DOCPIPE_ALERT_WEBHOOK") from None
        if not 200 <= status < 300:
            raise TransientError(f"the webhook answered {status}: check DOCPIPE_ALERT_WEBHOOK and DOCPIPE_ALERT_WEBHOOK_HEADER")
