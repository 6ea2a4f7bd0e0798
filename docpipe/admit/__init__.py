"""Accept or refuse an object before any work, by its content."""

from docpipe.admit.admission import Admission, admit
from docpipe.admit.passwords import password_pool

__all__ = ["Admission", "admit", "password_pool"]
