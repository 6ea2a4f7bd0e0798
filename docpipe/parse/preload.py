"""What a parsing worker does once, before its first document; imported in workers alone.

It changes how other libraries behave for the whole process, which is why nothing else may import it.
"""

from __future__ import annotations

import gc
import logging
import sys
import warnings
from typing import Any, cast

import onnxruntime

# Parsing needs neither, and docling imports both where they are installed: 2 s and 170 MB for nothing. Workers for docling's
# own models have imported them before.
for _unneeded in ("torch", "transformers"):
    sys.modules.setdefault(_unneeded, cast("Any", None))

# The text of a page is thousands of short-lived dictionaries. With Python's own threshold of 700 the collector looked
# through them again and again, for a quarter of the time that their extraction took.
gc.set_threshold(50_000, 20, 20)

_original_options = onnxruntime.SessionOptions


def _one_thread() -> onnxruntime.SessionOptions:
    # With its default of one thread a core, the layout model burns 1.8 times the CPU time for the same pages.
    options = _original_options()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return options


onnxruntime.SessionOptions = _one_thread

# Its import reads the options above, so that it comes after them.
import pymupdf  # noqa: E402

pymupdf.TOOLS.mupdf_display_errors(False)
pymupdf.TOOLS.mupdf_display_warnings(False)
pymupdf.TOOLS.unset_quad_corrections(True)
logging.disable(logging.ERROR)

# Docling warns of boxes a little outside their page, which it moves, and of images that it was told not to fetch.
warnings.filterwarnings("ignore", category=UserWarning, module="docling")
