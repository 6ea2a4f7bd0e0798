"""Alerts by e-mail."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import ExitStack
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from docpipe.alerts.notice import Notice
from docpipe.errors import TransientError
from docpipe.settings import Settings

SECONDS = 15.0
"""Longest wait for each answer of the server."""


class MailSink:
    """One mail a notice, to all addresses."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, notice: Notice) -> None:
        settings = self._settings
        mail = EmailMessage()
        mail["Subject"] = f"docpipe {notice.title}"
        mail["From"] = settings.alert_email_from
        mail["To"] = ", ".join(settings.alert_email_addresses)
        mail["Date"] = format_datetime(notice.at)
        # The same for a repetition, which mail programs then show once.
        mail["Message-ID"] = f"<{notice.id}@docpipe>" if notice.number else make_msgid(domain="docpipe")
        labels = "".join(f"{name}: {value}\n" for name, value in sorted(notice.labels.items()))
        mail.set_content(f"{notice.message}\n\nrule: {notice.rule}\nvalue: {notice.value:g}\n{labels}at: {notice.at.isoformat()}\n")
        try:
            with ExitStack() as stack:
                refused = self._connect(stack).send_message(mail)
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            raise TransientError(f"no mail was sent ({type(error).__name__}: {error}): check DOCPIPE_SMTP_* and the addresses") from error
        if refused:
            raise TransientError(f"the mail server refused {', '.join(refused)}: check DOCPIPE_ALERT_EMAIL_TO")

    def _connect(self, stack: ExitStack) -> smtplib.SMTP:
        settings = self._settings
        if settings.smtp_tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(settings.smtp_host, settings.smtp_port, timeout=SECONDS, context=_context(settings))
        else:
            server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=SECONDS)
        stack.enter_context(server)
        if settings.smtp_tls == "starttls":
            server.starttls(context=_context(settings))
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        return server


def _context(settings: Settings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=settings.smtp_ca or None)
