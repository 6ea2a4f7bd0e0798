"""Moves documents into quarantine and out of it.

The way in: a row in the ledger, a copy of the object, the evidence, the document quarantined, the original deleted if it still is the
same, the row held. The way out goes back through the same doors. Whoever is killed between two steps, or does them twice at once with
somebody else, loses nothing: every step finds what was done, and nothing is deleted before its copy and the ledger say so.
"""

from __future__ import annotations

import logging
from dataclasses import replace

from docpipe.bucket import Bucket
from docpipe.errors import DocumentRefused, QuarantineRefused, Superseded
from docpipe.ledger import Ledger
from docpipe.ledger.quarantine import Confinement, ConfinementState
from docpipe.models import Document, DocumentStatus, ObjectInfo
from docpipe.quarantine.evidence import Evidence
from docpipe.quarantine.place import any_place, places
from docpipe.working_folder import working_folder

log = logging.getLogger(__name__)


class Quarantine:
    """The way in and the way out; safe for many threads and many processes."""

    def __init__(self, bucket: Bucket, ledger: Ledger, evidence: Evidence) -> None:
        self._bucket = bucket
        self._ledger = ledger
        self._evidence = evidence

    def take(self, document: Document) -> Confinement | None:
        """Quarantine a document that failed or was refused; None where it has moved on, or somebody else is at it."""
        place = None if document.parent else next(filter(self._is_free, places(document)), any_place(document.key, document.generation))
        confinement = self._ledger.confine(document.key, document.generation, place)
        return self.resume(confinement) if confinement else None

    def resume(self, confinement: Confinement) -> Confinement | None:
        """Take a document on from where it stands; returns it as it is then, None where it was overtaken.

        Raises `QuarantineRefused` where it cannot go on as things stand: one that was to be released is held again then.
        """
        match confinement.state:
            case ConfinementState.MOVING:
                return self._move_in(confinement)
            case ConfinementState.RELEASING:
                return self.release(confinement)
            case ConfinementState.RELEASED:
                return self._end_release(confinement)
            case ConfinementState.DROPPING:
                return self.drop(confinement)
            case _:
                return confinement

    def release(self, confinement: Confinement) -> Confinement:
        """Put a held object back, and let its document wait for a batch as a new generation.

        Raises `QuarantineRefused` where it is not held any more, or another object lies in its place.
        """
        if not self._ledger.begin_release(confinement):
            raise self._refusal(confinement, "released")
        releasing = replace(confinement, state=ConfinementState.RELEASING)
        try:
            info = self._put_back(releasing)
        except QuarantineRefused:
            self._ledger.step_confinement(releasing, ConfinementState.HELD)
            raise
        if not self._ledger.enter_release(releasing, info):
            raise self._refusal(confinement, "released")
        return self._end_release(replace(confinement, state=ConfinementState.RELEASED))

    def drop(self, confinement: Confinement) -> Confinement:
        """Delete a held object and what is kept of its failure; its document goes the way of one that left the bucket.

        Raises `QuarantineRefused` where it is not held any more, or is an attachment, which goes with the mail that it lies in.
        """
        if confinement.held_as is None:
            raise QuarantineRefused(f"{confinement.object_key} is an attachment: release it, or remove the document that it came in")
        if not self._ledger.begin_drop(confinement):
            raise self._refusal(confinement, "dropped")
        self._bucket.delete(confinement.held_as)
        self._evidence.delete(confinement.key, confinement.generation)
        self._ledger.step_confinement(replace(confinement, state=ConfinementState.DROPPING), ConfinementState.DROPPED, end=True)
        return replace(confinement, state=ConfinementState.DROPPED)

    def _move_in(self, confinement: Confinement) -> Confinement | None:
        placed = self._copy(confinement) if confinement.held_as else confinement
        if placed:
            self._evidence.keep(placed, self._ledger.stage_states([placed.key]))
        if placed is None or not self._ledger.enter_quarantine(placed):
            self._give_up(confinement, is_another=placed is None)
            return None
        if placed.held_as:
            try:
                self._bucket.delete(placed.object_key, only=placed.original)
            except Superseded:
                log.info("%s was uploaded anew while it was quarantined: the next look at the bucket takes the new one", placed.object_key)
        self._ledger.step_confinement(placed, ConfinementState.HELD)
        return replace(placed, state=ConfinementState.HELD)

    def _copy(self, confinement: Confinement) -> Confinement | None:
        """Copy the object to its place; None where it is not the one that failed any more."""
        place = confinement.held_as or ""
        try:
            self._put_aside(confinement.original, place)
        except Superseded:
            # The original goes only when the document is quarantined, and then its copy is there.
            document = self._ledger.documents([confinement.key])[confinement.key]
            is_done = document.status is DocumentStatus.QUARANTINED and document.generation == confinement.generation
            return confinement if is_done else None
        except DocumentRefused:
            fallback = any_place(confinement.key, confinement.generation)
            if place == fallback:
                raise
            return self._copy(self._ledger.place_elsewhere(confinement, fallback))
        return confinement

    def _put_back(self, confinement: Confinement) -> ObjectInfo | None:
        """Copy the held object to where it was; None for an attachment."""
        if confinement.held_as is None:
            return None
        name = confinement.object_key
        try:
            put = self._bucket.copy(self._bucket.stat(confinement.held_as), name)
        except Superseded:
            now = self._ledger.confinement(confinement.number)
            if now is None or now.state is not ConfinementState.RELEASING:
                raise self._refusal(confinement, "released") from None
            raise QuarantineRefused(f"{confinement.held_as} is missing from the bucket: upload {name} again, or drop it") from None
        except DocumentRefused as error:
            raise QuarantineRefused(str(error)) from error
        # Somebody who was killed, or does the same now, may have put it there.
        if put is None and self._is_same(name, confinement.held_as):
            return self._bucket.stat(name)
        if put is None:
            raise QuarantineRefused(f"another object lies at {name} by now: drop this one, or remove that and release again")
        return put

    def _end_release(self, confinement: Confinement) -> Confinement:
        if confinement.held_as:
            self._bucket.delete(confinement.held_as)
            self._ledger.step_confinement(confinement, ConfinementState.RELEASED, end=True)
        return confinement

    def _give_up(self, confinement: Confinement, *, is_another: bool) -> None:
        """End what was begun for a document that moved on, or an object that `is_another` by now; only who ends it cleans up."""
        ended = self._ledger.abandon(confinement)
        if ended is None:
            return
        if is_another:
            # Else it would be tried again and again until somebody looks at the bucket.
            self._ledger.supersede(ended.key, ended.generation)
        self._evidence.delete(ended.key, ended.generation)
        if ended.held_as:
            self._bucket.delete(ended.held_as)

    def _refusal(self, confinement: Confinement, what: str) -> QuarantineRefused:
        """Say why a document cannot be released or dropped."""
        name = confinement.object_key
        now = next((one for one in self._ledger.confinements_of(confinement.key) if one.number == confinement.number), confinement)
        document = self._ledger.documents([confinement.key]).get(confinement.key)
        if now.state not in (ConfinementState.HELD, ConfinementState.MOVING):
            stands = f", and is {document.status} in generation {document.generation} now" if document else ""
            return QuarantineRefused(f"{name} was {now.state} already{stands}: nothing to do")
        if document and document.generation != confinement.generation:
            return QuarantineRefused(f"{name} has a newer version in the bucket: the one in quarantine can only be dropped")
        return QuarantineRefused(f"{name} cannot be {what} while it is {document.status if document else 'unknown'}: try again in a minute")

    def _is_free(self, place: str) -> bool:
        if self._ledger.state_at(place):
            return False
        try:
            self._bucket.stat(place)
        except Superseded:
            return True
        except DocumentRefused:
            return False
        return False

    def _put_aside(self, original: ObjectInfo, place: str) -> None:
        """Copy an object to its place, where it may lie already; `DocumentRefused` where something else does."""
        if self._bucket.copy(original, place) or self._is_same(original.key, place):
            return
        # Compared with the very one that failed, and not with what came since?
        if self._bucket.stat(original.key).identity != original.identity:
            raise Superseded(f"{original.key!r} is another object by now")
        raise DocumentRefused(f"{place} is taken by what is not ours: remove it from the bucket")

    def _is_same(self, one: str, other: str) -> bool:
        """Whether two objects hold the same bytes; not where one of them is gone."""
        try:
            found, held = self._bucket.stat(one), self._bucket.stat(other)
            if found.size != held.size or found.etag == held.etag:
                return found.size == held.size
            with working_folder("docpipe-quarantine-") as folder:
                return self._bucket.download(one, folder / "one")[1] == self._bucket.download(other, folder / "other")[1]
        except Superseded:
            return False
