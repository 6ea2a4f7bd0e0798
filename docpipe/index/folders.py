"""The folders of an object, as tags that a search can ask for."""

from __future__ import annotations

from itertools import accumulate

from docpipe.attachment_key import SEPARATOR

MOST_FOLDERS = 16
"""Folders deeper than this have no tag: every passage carries them all."""
LONGEST_FOLDER = 512
"""Characters; S3 allows keys of 1,024 bytes."""


def folders(object_key: str) -> tuple[str, ...]:
    """Every folder that the object lies in, outermost first: `reports` and `reports/2024` for `reports/2024/q1.pdf`.

    An attachment lies where its mail does. Empty names, which S3 allows, are left out.
    """
    path, *_ = object_key.partition(SEPARATOR)
    names = [name for name in path.split("/")[:-1] if name]
    prefixes = accumulate(names[:MOST_FOLDERS], lambda outer, inner: f"{outer}/{inner}")
    return tuple(prefix for prefix in prefixes if len(prefix) <= LONGEST_FOLDER)
