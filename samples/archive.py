"""Office files are ZIP archives with the time of their making in them; here it is taken out again."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping

EPOCH = (2025, 3, 14, 9, 0, 0)
_TIME = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")


def settled(data: bytes, changes: Mapping[str, Callable[[bytes], bytes]] | None = None) -> bytes:
    """The same archive with fixed dates; `changes` rewrites members by name."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in source.namelist():
            body = source.read(name)
            if name == "docProps/core.xml":
                body = _TIME.sub(rb"\g<1>2025-03-14T09:00:00Z", body)
            if changes and name in changes:
                body = changes[name](body)
            archive.writestr(zipfile.ZipInfo(name, EPOCH), body, zipfile.ZIP_DEFLATED)
    return target.getvalue()
