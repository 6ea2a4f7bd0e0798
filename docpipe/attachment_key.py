"""The object keys of attachments, which no object of a bucket can have.

An attachment is a document that lies in another: `mail.eml!//01-offer.pdf`, and so on inwards. What is left of the last
`!//` is the object key of the document that it came in.
"""

from __future__ import annotations

import re
import unicodedata

SEPARATOR = "!//"
"""A folder has no empty name, and `check_object_key` keeps S3 objects with such keys out."""
LONGEST_NAME = 80
"""Bytes; at most five times, so that the key of an attachment of an attachment fits into a database index."""
_LONGEST_ENDING = 10
"""Bytes behind the last dot that are kept when a name is cut."""

# Slashes and what Windows forbids, so that the name can be that of a file when it is downloaded.
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]+')
_SPACE = re.compile(r"\s+")


def attachment_key(parent: str, number: int, name: str) -> str:
    """Return the object key of the attachment `number`, counted from 1, of the document with the object key `parent`."""
    return f"{parent}{SEPARATOR}{number:02}-{safe_name(name)}"


def parent_object_key(object_key: str) -> str:
    """Return the object key of the document that this one came in; empty for an object of the bucket."""
    return object_key.rpartition(SEPARATOR)[0]


def depth(object_key: str) -> int:
    """How many documents this one lies in; 0 for an object of the bucket."""
    return object_key.count(SEPARATOR)


def safe_name(name: str) -> str:
    """Make a sender's name for a file fit for an object key: one line, no path, no invisible characters, not too long."""
    visible = "".join(character for character in _SPACE.sub(" ", name) if unicodedata.category(character)[0] != "C")
    safe = _FORBIDDEN.sub("_", visible).strip(" .") or "attachment"
    stem, dot, ending = safe.rpartition(".")
    suffix = dot + ending if stem and len(ending.encode()) <= _LONGEST_ENDING else ""
    return _cut(safe.removesuffix(suffix), LONGEST_NAME - len(suffix.encode())) + suffix


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")
