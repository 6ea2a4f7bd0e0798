"""The files that came with a mail.

What the mail shows by itself is none: its texts, its signature, and pictures within the text that are too small to say
anything, such as logos and icons. A mail in a mail is one.
"""

from __future__ import annotations

import base64
import binascii
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from io import BytesIO

_SMALL = 200
"""Pixels: a picture in the text with a shorter side than this is decoration. Logos and icons are, photographs and
pictures of a screen are not."""
_LONGEST_NAME = 255
_MAILS = frozenset({"message/rfc822", "message/global", "message/news"})
_SIGNATURES = frozenset({"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"})
_NAMING = frozenset({"content-disposition", "content-type"})
_SHOWN = re.compile(r"""\bcid:([^\s"'<>)]+)""", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class File:
    """One file that came with a mail."""

    name: str
    """As the sender called it, on one line; never empty."""
    data: bytes | None
    """None where the mail only says where it lies: nothing is ever fetched."""


def files(data: bytes) -> Iterator[File]:
    """Yield the files of a mail as it is sent (EML), in their order."""
    # Python's older policy: the newer one gives up on headers that mailers do write.
    mail = message_from_bytes(data)
    parts = list(_parts(mail))
    for part in parts:
        _read_as_unicode(part)
    shown = _shown_in("".join(_text(part) for part in parts if part.get_content_type() == "text/html"))
    for part in parts:
        kind, name = part.get_content_type(), _file_name(part)
        named = name or part.get_content_disposition() == "attachment"
        if kind in _MAILS:
            yield File(one_line(decoded(name)) or f"{one_line(decoded(_subject(part))) or 'message'}.eml", _mail(part))
        elif kind == "message/external-body":
            yield File(one_line(decoded(name)) or "attachment", None)
        elif (named or part.get_content_maintype() != "text") and kind not in _SIGNATURES:
            payload = part.get_payload(decode=True)
            content = payload if isinstance(payload, bytes) else b""
            if not (_content_id(part) in shown and is_decoration(content)):
                yield File(one_line(decoded(name)) or "attachment", content)


def is_decoration(data: bytes) -> bool:
    """Whether a picture that stands in the text of a mail is too small to say anything."""
    from PIL import Image

    try:
        # The header alone is read; how large the picture claims to be is no concern here.
        with warnings.catch_warnings(action="ignore"), Image.open(BytesIO(data)) as picture:
            return min(picture.size) < _SMALL
    except Exception:  # noqa: BLE001 - whatever it is, it is looked at like any attachment
        return False


def content_ids(html: str) -> frozenset[str]:
    """The content ids of the pictures that stand in the text."""
    return _shown_in(html)


def one_line(text: str) -> str:
    """A name for people: visible, on one line, valid Unicode."""
    return " ".join(text.encode(errors="replace").decode().replace("\0", "").split())[:_LONGEST_NAME]


def decoded(header: str) -> str:
    """A header in which other than ASCII characters are encoded (RFC 2047); as it is where it cannot be decoded."""
    try:
        return str(make_header(decode_header(header)))
    except (LookupError, ValueError, MessageError, binascii.Error):
        return header


def _parts(mail: Message) -> Iterator[Message]:
    """The parts of a mail that hold something, but not those of a mail in it."""
    waiting: list[Message] = [mail]
    while waiting:
        part = waiting.pop()
        whole = part.get_content_type() in _MAILS or part.get_content_type() == "message/external-body"
        if part.is_multipart() and not whole:
            waiting += reversed(_inside(part))
        else:
            yield part


def _inside(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _read_as_unicode(part: Message) -> None:
    """Read names that stand in their headers as plain UTF-8 (RFC 6532), which Python takes for damage."""
    for header, value in list(part.raw_items()):
        if header.lower() in _NAMING and not value.isascii():
            part.replace_header(header, _as_unicode(value))


def _shown_in(html: str) -> frozenset[str]:
    return frozenset(_SHOWN.findall(html))


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    # Only names are looked for in it, and they are ASCII.
    return payload.decode("latin-1") if isinstance(payload, bytes) else ""


def _content_id(part: Message) -> str:
    return str(part.get("Content-ID", "")).strip().strip("<>")


def _file_name(part: Message) -> str:
    try:
        return part.get_filename() or ""
    except ValueError:
        # In a character set that no name of one can be, such as one with a zero byte.
        return ""


def _subject(part: Message) -> str:
    """The subject of the mail in this part, read as names are."""
    headers = (header for mail in _inside(part)[:1] for header in mail.raw_items())
    return next((_as_unicode(value) for name, value in headers if name.lower() == "subject"), "")


def _as_unicode(header: str) -> str:
    return header.encode("ascii", "surrogateescape").decode(errors="replace")


def _mail(part: Message) -> bytes:
    """The bytes of a mail that is part of another."""
    data = b"".join(mail.as_bytes() for mail in _inside(part)[:1])
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() != "base64":
        return data
    # Forbidden for mails, and done all the same.
    try:
        return base64.b64decode(data, validate=False)
    except binascii.Error:
        return data
