"""What a parsing worker does once, before its first document; imported in workers alone.

It changes how other libraries behave for the whole process, which is why nothing else may import it.
"""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any, cast

import onnxruntime

# Parsing needs neither, and docling imports both where they are installed: 2 s and 170 MB for nothing.
sys.modules["torch"] = cast("Any", None)
sys.modules["transformers"] = cast("Any", None)

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

# Docling warns of boxes a little outside their page, and moves them.
warnings.filterwarnings("ignore", category=UserWarning, module="docling_core")
