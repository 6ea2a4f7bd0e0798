"""The settings that docpipe runs with here: its defaults, but for the cache, which would make the second round free."""

from __future__ import annotations

from pathlib import Path

from docpipe.settings import Settings, load_settings

NO_OCR = "no ocr"


def our_settings(home: Path, bucket: Path, variant: str = "") -> Settings:
    """Read the defaults and nothing of the user's environment file."""
    return load_settings(home=home, bucket=bucket.as_uri(), embed_cache_mb=0, ocr=NO_OCR not in variant, _env_file=None)
