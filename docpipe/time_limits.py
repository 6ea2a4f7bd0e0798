"""How long a stage may work on a batch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from docpipe.models import StageName


@lru_cache(maxsize=8)
def stage_limits(text: str) -> Mapping[StageName, float]:
    """Read `parsed_pages=7200,embeddings=600`, in seconds. Raises `ValueError` for an unknown stage and for what is no time."""
    limits = {}
    for limit in filter(None, map(str.strip, text.split(","))):
        name, _, seconds = limit.partition("=")
        try:
            stage, allowed = StageName(name.strip()), float(seconds)
        except ValueError:
            stage, allowed = StageName.PARSED_PAGES, 0.0
        if not 0 < allowed < float("inf"):
            raise ValueError(f"{limit!r} is no limit: write STAGE=SECONDS with one of {', '.join(StageName)}")
        limits[stage] = allowed
    return limits
