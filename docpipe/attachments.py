"""Attachments become documents of their own: the ledger is brought up to date with what parsed documents hold.

The counterpart of `docpipe.reconcile`, with parsed artifacts in the place of the bucket. A document whose attachments have
to be looked at is due in the ledger, from the transaction that made it so until all of them are registered: a look that
was killed, or found an attachment in a batch, is made good by the next.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from docpipe.admit import Admission, password_pool
from docpipe.artifacts import ArtifactStore
from docpipe.attachment_key import attachment_key, depth
from docpipe.errors import ArtifactDamaged, TransientError
from docpipe.isolate import WorkerPool
from docpipe.ledger import Arrival, Ledger
from docpipe.ledger.attachments import WITHOUT_CONTENT
from docpipe.ledger.failure import failed_for_good
from docpipe.models import Attachment, Document, DocumentStatus, ObjectInfo, ParsedDocument, StageName
from docpipe.partition_key import partition_key
from docpipe.reconcile import look_into
from docpipe.settings import Settings

log = logging.getLogger(__name__)

PAGE = 100
"""Documents taken from the ledger at once."""


@dataclass(slots=True)
class AttachmentsLook:
    """What one look at the attachments found."""

    registered: list[Document] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Content:
    """What a document holds now."""

    fingerprint: str | None
    """Of its parsed artifact; None where it has none by rights."""
    attachments: Mapping[str, Attachment] = field(default_factory=dict)
    """By object key."""


def look_at_attachments(
    ledger: Ledger, artifacts: ArtifactStore, settings: Settings, deadline: float, clock: Callable[[], float] = time.monotonic
) -> AttachmentsLook:
    """Admit or refuse the attachments of all documents that are due, and mark those for removal that are gone.

    An attachment that goes has its own looked at in turn. Stops at the `deadline` of the clock; the rest stays due.
    """
    found = AttachmentsLook()
    with password_pool(settings) as pool:
        look = _Look(ledger, artifacts, settings, pool, found)
        while True:
            before = len(found.gone)
            after = ""
            while page := ledger.due(after, PAGE):
                for document in page:
                    if clock() > deadline:
                        return found
                    look.take(document)
                after = page[-1].key
            # Those of an attachment that went may stand before it in the order of the keys.
            if len(found.gone) == before:
                return found


@dataclass(frozen=True, slots=True)
class _Look:
    ledger: Ledger
    artifacts: ArtifactStore
    settings: Settings
    pool: WorkerPool
    found: AttachmentsLook

    def take(self, parent: Document) -> None:
        """Register the attachments of one document as it holds them now."""
        known = {child.object_key: child for child in self.ledger.attachments([parent.key]).get(parent.key, ())}
        try:
            content = self._content(parent)
            if content is None:
                return
            arrivals = [self._arrival(parent, content, name, known.get(name)) for name in content.attachments]
        except ArtifactDamaged as error:
            # Made anew by the document's next run, which makes it due again.
            log.warning("the attachments of %s cannot be read, so it is parsed again: %s", parent.object_key, error)
            self._parse_again(parent)
            return
        except TransientError as error:
            log.warning("the attachments of %s could not be looked at, the next look tries again: %s", parent.object_key, error)
            return
        self.found.registered += self.ledger.register([arrival for arrival in arrivals if arrival])
        self.found.gone += self.ledger.mark_gone([child.key for name, child in known.items() if name not in content.attachments])
        self.ledger.settle_attachments(
            parent.key, content.fingerprint, {name: attachment.sha256 for name, attachment in content.attachments.items()}
        )

    def _content(self, parent: Document) -> _Content | None:
        """What the document holds; None while it is on its way, when its old attachments stay as its old passages do."""
        if parent.status in WITHOUT_CONTENT:
            return _Content(None)
        states = self.ledger.stage_states([parent.key])
        state = states.get((parent.key, StageName.PARSED_PAGES))
        if state and state.is_complete_for(parent):
            head = ParsedDocument.head_of(self.artifacts.load(StageName.PARSED_PAGES, parent.key, state.fingerprint))
            names = (attachment_key(parent.object_key, number, one.name) for number, one in enumerate(head.attachments, 1))
            return _Content(state.fingerprint, dict(zip(names, head.attachments, strict=True)))
        if parent.status is DocumentStatus.FAILED and failed_for_good(parent, states):
            return _Content(None)
        return None

    def _arrival(self, parent: Document, content: _Content, name: str, known: Document | None) -> Arrival | None:
        """Admit or refuse one attachment; None where it is known as it is."""
        attachment, fingerprint = content.attachments[name], content.fingerprint or ""
        info = ObjectInfo(name, attachment.size, attachment.sha256)
        if known and known.identity == info.identity:
            if not self.artifacts.has_part(StageName.PARSED_PAGES, parent.key, fingerprint, attachment.sha256):
                raise ArtifactDamaged(f"the part {attachment.sha256} is missing")
            return None
        data = self.artifacts.load_part(StageName.PARSED_PAGES, parent.key, fingerprint, attachment.sha256)
        admission = self._admission(info, data)
        refusal = admission.refusal or None
        inherited = (parent.key, fingerprint, parent.priority)
        return Arrival(info, partition_key(name), admission.media_type, refusal, admission.pages_estimate, *inherited)

    def _admission(self, info: ObjectInfo, data: bytes) -> Admission:
        deepest = self.settings.attachment_depth
        if depth(info.key) > deepest:
            return Admission("", f"nested {depth(info.key)} deep, more than the {deepest} that DOCPIPE_ATTACHMENT_DEPTH allows")
        return look_into(info, lambda start, length: data[start : start + length], self.settings, self.pool)

    def _parse_again(self, parent: Document) -> None:
        state = self.ledger.stage_states([parent.key]).get((parent.key, StageName.PARSED_PAGES))
        if state:
            self.artifacts.delete(StageName.PARSED_PAGES, parent.key, state.fingerprint)
        self.ledger.requeue([parent.key])
