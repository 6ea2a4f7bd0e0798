"""Pictures of pages: rendered in worker processes, each with its own document open, and kept in files."""

from docpipe.render.look import Look
from docpipe.render.page_pictures import PagePicture, PagePictures

__all__ = ["Look", "PagePicture", "PagePictures"]
