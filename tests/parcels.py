"""A small stage for tests of attachments: parcels, texts that hold other texts, which may be parcels in turn."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docling_core.types.doc.document import DoclingDocument
from docling_core.types.doc.labels import DocItemLabel

from docpipe.models import Attachment, Page, ParsedDocument
from docpipe.stage import Made
from tests.stages import TextStage

_MARK = "parcel "


def parcel(text: str, **inside: str) -> str:
    """A text with attachments: names to texts."""
    return _MARK + json.dumps({"text": text, "inside": inside})


class ParcelStage(TextStage):
    """Parses a parcel into its text; what is inside become its attachments."""

    def _parse(self, key: str, text: str) -> Iterator[Made]:
        opened: dict[str, Any] = {"text": text, "inside": {}}
        if text.startswith(_MARK):
            opened = json.loads(text.removeprefix(_MARK))
        document = DoclingDocument(name=key)
        document.add_text(DocItemLabel.TEXT, opened["text"])
        inside = {name: body.encode() for name, body in opened["inside"].items()}
        attachments = tuple(Attachment(name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest()) for name, data in inside.items())
        parsed = ParsedDocument(document, (Page(number=1, route="plain", characters=len(text)),), attachments=attachments)
        with tempfile.TemporaryDirectory() as folder:
            parts = [Path(folder) / str(number) for number in range(len(inside))]
            for path, data in zip(parts, inside.values(), strict=True):
                path.write_bytes(data)
            yield Made(key, parsed.to_bytes(), parsed.counts, 0.1, parts)
