"""The name of a document as a partition: readable, safe anywhere, and never the same for two objects.

The way back from a partition key to its object key is the ledger's: `documents.object_key`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

MAX_CHARACTERS = 120
_HASH_DIGITS = 32
_SLUG_CHARACTERS = MAX_CHARACTERS - _HASH_DIGITS - 1
_PUNCTUATION = frozenset("._-/ ")
_RUNS = re.compile(r"\.{2,}|/{2,}")


def partition_key(object_key: str) -> str:
    """Return the object key itself where it is safe as it stands, else a slug of it, `~`, and a hash of it.

    Safe means: letters, marks and digits of any script and `._-/` and spaces; no `..`, no `//`, no space or slash
    at either end, at most 120 characters. `~` is not among these, so the two kinds of key never meet.

    The hash has 128 bits because whoever uploads a file chooses its name: two names with the same 64 bits can be
    found in minutes, and two documents under one key would mix in the index.
    """
    if _is_safe(object_key):
        return object_key
    slug = "".join(character if _is_allowed(character) else "_" for character in object_key)
    slug = _RUNS.sub("_", slug)[-_SLUG_CHARACTERS:].strip(" /")
    # Lone surrogates have no UTF-8, and still two keys that differ in one must not share a hash.
    digest = hashlib.sha256(object_key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{slug or '_'}~{digest[:_HASH_DIGITS]}"


def document_id(key: str) -> str:
    """32 hex digits for a partition key: names folders where a key's own characters or length could not stand."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]


def _is_safe(object_key: str) -> bool:
    return (
        0 < len(object_key) <= MAX_CHARACTERS
        and object_key.strip(" /") == object_key
        and not _RUNS.search(object_key)
        and all(_is_allowed(character) for character in object_key)
    )


def _is_allowed(character: str) -> bool:
    category = unicodedata.category(character)
    return character in _PUNCTUATION or category[0] in "LM" or category == "Nd"
