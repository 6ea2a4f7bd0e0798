"""The files that came with an Outlook message (MSG); a message in it becomes a mail as it is sent (EML)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from docpipe.errors import ParseFailed
from docpipe.parse.mail.attachments import File, content_ids, is_decoration, one_line

if TYPE_CHECKING:
    from oxmsg import Message

# https://learn.microsoft.com/openspecs/exchange_server_protocols/ms-oxprops
_DISPLAY_NAME, _SHORT_NAME, _LONG_NAME, _CONTENT_ID = 0x3001, 0x3704, 0x3707, 0x3712
_EMBEDDED = "__substg1.0_3701000D"
"""The storage of an attachment that is a message or an object of another program."""
_EMBEDDED_HEADER = 24
"""Bytes before the properties of a message in a message; 32 in one that is a file (MS-OXMSG 2.4.1)."""
_DEEPEST = 20
_UNADDRESSED = re.compile(r"[^\w -]+")


def files(data: bytes) -> Iterator[File]:
    """Yield the files of the message, in their order."""
    from oxmsg import Message

    yield from _files(Message.load(data), 1)


def _files(message: Message, depth: int) -> Iterator[File]:
    shown = content_ids(message.html_body or "")
    for attachment in message.attachments:
        text = attachment.properties.str_prop_value
        name = next((found for pid in (_LONG_NAME, _SHORT_NAME, _DISPLAY_NAME) if (found := one_line(text(pid) or ""))), "attachment")
        content = attachment.file_bytes
        if content is None:
            embedded = _embedded(attachment)
            yield File(name, None) if embedded is None else File(f"{name}.eml", _as_mail(embedded, depth + 1).as_bytes())
        elif not ((text(_CONTENT_ID) or "") in shown and is_decoration(content)):
            yield File(name, content)


def _embedded(attachment: Any) -> Message | None:
    """The message in an attachment; None where it is a link, or an object that is no message."""
    from oxmsg import Message
    from oxmsg.properties import Properties

    class Embedded(Message):
        @property
        def properties(self) -> Properties:
            return Properties(self._storage, properties_header_offset=_EMBEDDED_HEADER)

    storage = next((one for one in attachment._storage.storages if one.name == _EMBEDDED), None)  # noqa: SLF001 - no public way
    if storage is None or not any(stream.name == "__properties_version1.0" for stream in storage.streams):
        return None
    return Embedded(storage)


def _as_mail(message: Message, depth: int) -> EmailMessage:
    """The message as a mail, the same bytes every time."""
    if depth > _DEEPEST:
        raise ParseFailed(f"messages are nested more than {_DEEPEST} deep")
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = one_line(message.subject)
    if sender := one_line(message.sender or ""):
        _address(mail, "From", sender)
    if recipients := ", ".join(one_line(one.email_address or one.name or "") for one in message.recipients):
        _address(mail, "To", recipients)
    if message.sent_date:
        mail["Date"] = format_datetime(message.sent_date)
    plain, html = message.body, message.html_body
    mail.set_content(plain or ("" if html else "\n"))
    if html:
        mail.add_alternative(html, subtype="html")
    for file in _files(message, depth):
        mail.add_attachment(file.data or b"", maintype="application", subtype="octet-stream", filename=file.name)
    # Boundaries are drawn at random otherwise.
    seed = hashlib.sha256(repr((message.subject, plain, html)).encode(errors="replace")).hexdigest()[:24]
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"=_{seed}-{number}")
    return mail


def _address(mail: EmailMessage, header: str, text: str) -> None:
    """Outlook shows any text as an address, and Python's parser stumbles over some, such as a quote that is never closed."""
    try:
        mail[header] = text
        mail.policy.fold(header, mail[header])
    except Exception:  # noqa: BLE001 - by whichever of many it stumbles
        del mail[header]
        mail[header] = " ".join(_UNADDRESSED.sub(" ", text).split())
