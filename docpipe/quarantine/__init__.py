"""Documents that failed for good are taken out of the bucket's way, and come back when somebody says so."""

from docpipe.quarantine.place import PREFIX, documents_in
from docpipe.quarantine.quarantine import Quarantine

__all__ = ["PREFIX", "Quarantine", "documents_in"]
