"""What is known of each document: identity, generation, batch, and how each stage of it stands."""

from docpipe.ledger.ledger import Ledger
from docpipe.ledger.records import Arrival, Batch, KnownObject, PendingDocument, StageTotal, Summary
from docpipe.ledger.switches import Switch

__all__ = ["Arrival", "Batch", "KnownObject", "Ledger", "PendingDocument", "StageTotal", "Summary", "Switch"]
