"""Sends what the `docpipe` loggers say to standard error, as the settings want it."""

from __future__ import annotations

import logging
import sys
from typing import TextIO

from docpipe.logs.lines import JsonLines, TextLines
from docpipe.logs.secrets import Secrets
from docpipe.settings import Settings

PRODUCT = logging.getLogger("docpipe")


class _Standard(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to what is standard error at that moment, since Dagster and tests replace it; as Python's own last resort does."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr


def set_up_logs(settings: Settings, text_level: str = "info") -> None:
    """Write the product's lines to standard error from now on; called again, the newer settings count.

    `text_level` holds where the settings name no level and want text.
    """
    for handler in [one for one in PRODUCT.handlers if isinstance(one, _Standard)]:
        PRODUCT.removeHandler(handler)
    secrets = Secrets.of(settings)
    is_json = settings.log_format == "json"
    level = (settings.log_level or ("info" if is_json else text_level)).upper()
    handler = _Standard()
    handler.setFormatter(JsonLines(secrets) if is_json else TextLines(secrets))
    handler.setLevel(level)
    PRODUCT.addHandler(handler)
    # The handler decides what is written; others, such as the log of a run, may want more than it does.
    if PRODUCT.getEffectiveLevel() > handler.level:
        PRODUCT.setLevel(level)
