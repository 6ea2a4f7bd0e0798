"""Mails: read by docling, with the files that came with them as parts of the artifact."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from docpipe.isolate import Answer
from docpipe.models import Attachment, ParsedDocument, parsed_counts
from docpipe.parse import docling_formats
from docpipe.parse.formats import OUTLOOK
from docpipe.parse.mail import attachments, outlook
from docpipe.parse.opening import Opening
from docpipe.parse.parts import leave

_MOST_WARNINGS = 100
"""A mail may hold any number of files; each of these is named in the head of the artifact."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What of a mail may become documents of their own."""

    most: int
    """Files of one mail; 0: none."""
    size: int
    """Bytes of all of them together."""


def read(path: str, name: str, media_type: str, opening: Opening, limits: Limits) -> Answer:
    """What docling's reader makes of the mail, and its files as parts of the artifact. Raises as that reader does.

    A file that is left out is named in a warning; the same content twice is one attachment.
    """
    _, data = docling_formats.read(path, name, media_type, opening)
    found, warnings = _keep(Path(path), media_type, limits) if limits.most else ((), ())
    first, _, body = data.partition(b"\n")
    head = ParsedDocument.head_of(first)
    head = head.model_copy(update={"attachments": found, "warnings": (*head.warnings, *warnings)})
    return {"counts": parsed_counts(head.pages, found)}, head.to_bytes() + b"\n" + body


def _keep(source: Path, media_type: str, limits: Limits) -> tuple[tuple[Attachment, ...], tuple[str, ...]]:
    """Leave the files of a mail as parts; returns them, and what was left out and why."""
    kept: dict[str, Attachment] = {}
    warnings: list[str] = []
    beyond = size = 0
    data = source.read_bytes()
    try:
        for file in outlook.files(data) if media_type == OUTLOOK else attachments.files(data):
            if file.data is None:
                warnings.append(f"the attachment {file.name!r} lies elsewhere, from where nothing is fetched: add it to the bucket itself")
                continue
            sha256 = hashlib.sha256(file.data).hexdigest()
            if sha256 in kept:
                continue
            if len(kept) == limits.most:
                beyond += 1
                continue
            if size + len(file.data) > limits.size:
                warnings.append(f"the attachment {file.name!r} was left out: all together are larger than DOCPIPE_WORKER_OUTPUT_MB allows")
                continue
            kept[sha256] = Attachment(name=file.name, size=len(file.data), sha256=leave(source, file.data))
            size += len(file.data)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the mail itself was read, and its attachments must not cost it
        warnings.append(f"attachments may be missing, since the mail is damaged: {type(error).__name__}: {error}")
    if len(warnings) > _MOST_WARNINGS:
        warnings[_MOST_WARNINGS:] = [f"{len(warnings) - _MOST_WARNINGS} more attachments were left out"]
    if beyond:
        warnings.append(f"{beyond} attachments were left out: DOCPIPE_ATTACHMENTS allows {limits.most}")
    return tuple(kept.values()), tuple(warnings)
