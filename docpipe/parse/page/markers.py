"""What stands before an item of a list."""

from __future__ import annotations

import re

BULLET = re.compile(
    r"^(?:[\u2022\u25aa\u25e6\u2013\u2014*\u00b7\u25cf\u25cb\u25a0\u25a1\u2610\u25ba\u25b8\u2023\u27a2\u2713\u2714\ufffd-]\s+"
    r"|[\u2022\u25cf\ue000-\uf8ff]\s*)+(?=\S)"
)
"""A sign and a blank; some stand for nothing else, and need none. Symbol fonts have theirs in the private area."""

MARKER = re.compile(r"^(\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)])\s+(?=\S)")
"""A number or letter with a stop or a bracket: `1.`, `b)`, `(iv)`."""
