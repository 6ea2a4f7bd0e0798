"""Finds documents that the present code, settings or models would make otherwise: a page at a time, and only after a change.

`docpipe.reprocess` plans all of them at once, for a person who waits; this is for a sensor that looks every minute.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from docpipe.ledger import Ledger
from docpipe.models import Document, DocumentStatus
from docpipe.parse.formats import FORMATS
from docpipe.reprocess import Recipes, stale_stages
from docpipe.stage import Stage

LOOKED_AGAIN = timedelta(days=1)
"""After this everything is looked at once more, for what a worker with older code made since."""
REASONS = 10


@dataclass(frozen=True, slots=True)
class Scan:
    """How far a look at all documents has come; small enough for a sensor's cursor."""

    recipes: str = ""
    """Hash of all recipes that it compares with; with others it begins anew."""
    after: str | None = None
    """Partition key where it goes on; None: it is over."""
    looked: int = 0
    stale: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    """The most frequent ones, with how many documents each concerns."""
    ended: str = ""
    """When it was over."""

    @property
    def is_over(self) -> bool:
        return self.after is None and bool(self.ended)

    @classmethod
    def from_text(cls, text: str | None) -> Scan:
        """Read a cursor; one that makes no sense, of another version perhaps, begins anew."""
        try:
            return cls(**json.loads(text or ""))
        except (ValueError, TypeError):
            return cls()

    @property
    def text(self) -> str:
        return json.dumps(asdict(self))


@lru_cache(maxsize=4)
def recipes_hash(stages: tuple[Stage, ...]) -> str:
    """One hash of what the stages would make of a document of each format; raises `ModelMissing`.

    Remembered for these very stages: code, settings and models are those with which they were opened.
    """
    texts = [stage.recipe(_probe(media_type)).text for media_type in sorted(FORMATS) for stage in stages]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def due(scan: Scan, recipes: str, now: datetime) -> Scan | None:
    """The scan to go on with, a new one where the recipes have changed or the last is a day old; None: nothing to do."""
    if scan.recipes != recipes:
        return Scan(recipes, after="")
    if not scan.is_over:
        return replace(scan, after=scan.after or "")
    age = now - datetime.fromisoformat(scan.ended)
    # Neither way: a clock that jumped must not stop it for ever.
    return Scan(recipes, after="") if abs(age) > LOOKED_AGAIN else None


def look_further(ledger: Ledger, stages: Sequence[Stage], scan: Scan, page: int, most: int) -> tuple[Scan, list[str]]:
    """Look at the next `page` documents, or until `most` stale ones are found; returns how far it is then, and those."""
    documents = ledger.list_documents(after=scan.after or None, limit=page)
    indexed = [document for document in documents if document.status is DocumentStatus.INDEXED]
    states = ledger.stage_states([document.key for document in indexed])
    recipes, reasons, stale = Recipes(ledger), Counter(scan.reasons), list[str]()
    looked = len(documents)
    for document in indexed:
        if len(stale) >= most:
            looked = documents.index(document)
            break
        found = [one.reason for one in stale_stages(document, states, stages, recipes)]
        if found:
            stale.append(document.key)
            # The first is the cause, the others follow from it.
            reasons[found[0]] += 1
    over = looked == len(documents) < page
    reached = replace(
        scan,
        after=None if over else documents[looked - 1].key,
        looked=scan.looked + looked,
        stale=scan.stale + len(stale),
        reasons=dict(reasons.most_common(REASONS)),
        ended=datetime.now(UTC).isoformat() if over else "",
    )
    return reached, stale


def _probe(media_type: str) -> Document:
    return Document("probe", "probe", 1, media_type, 0, "", "", DocumentStatus.INDEXED)
