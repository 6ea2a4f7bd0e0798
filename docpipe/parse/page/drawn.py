"""What a page draws apart from its visible text: paths, shadings, pictures, and invisible text."""

from __future__ import annotations

from functools import cache
from typing import Any

from docpipe.parse.page.element import Rectangle


def drawn(page: Any) -> list[tuple[str, Rectangle]]:
    """PyMuPDF's `get_bboxlog` of an unrotated page without the entries for visible text.

    Their number makes most of the log, and half of its time on a page of prose: the interpreter calls back into Python
    for each piece of text.
    """
    import pymupdf

    mupdf = pymupdf.mupdf
    found: list[tuple[str, Rectangle]] = []
    device = _device_class()(found)
    mupdf.fz_run_page(page.this, device, mupdf.FzMatrix(), mupdf.FzCookie())
    mupdf.fz_close_device(device)
    return found


@cache
def _device_class() -> Any:
    import pymupdf

    base: Any = pymupdf.JM_new_bbox_device_Device

    class Device(base):  # type: ignore[misc]
        """PyMuPDF's own device of the log, which is not asked to hear of visible text."""

        def __init__(self, result: list[tuple[str, Rectangle]]) -> None:
            pymupdf.mupdf.FzDevice2.__init__(self)
            self.result, self.layers, self.layer_name = result, False, ""
            self.use_virtual_fill_path()
            self.use_virtual_stroke_path()
            self.use_virtual_ignore_text()
            self.use_virtual_fill_shade()
            self.use_virtual_fill_image()
            self.use_virtual_fill_image_mask()

    return Device
