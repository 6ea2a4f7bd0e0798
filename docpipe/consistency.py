"""Do bucket, ledger, artifacts and index agree? Names every difference, and what mends it.

All four are read as streams and compared by partition key. A document on its way is no difference: it is counted apart.
Several collections may stand behind the alias: a document belongs into the one that its receipt names, an older version of it
may stay in the others, and a document that is gone belongs into none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from itertools import islice

from docpipe.artifacts import ArtifactStore
from docpipe.index import open_catalog, own_collection
from docpipe.index.inventory import Held, Inventory, read_inventory
from docpipe.index.receipts import ReceiptCollections
from docpipe.ledger import Ledger
from docpipe.ledger.attachments import ATTACHMENTS, WITHOUT_CONTENT
from docpipe.ledger.failure import failed_for_good
from docpipe.ledger.quarantine import ConfinementState
from docpipe.models import IN_FLIGHT, Document, DocumentStatus, ObjectInfo, StageName, StageState
from docpipe.pipeline import Pipeline
from docpipe.quarantine.place import PREFIX, documents_in
from docpipe.reconcile import Arrived, differences

PAGE = 1_000
IO_THREADS = 16


class Kind(StrEnum):
    """What can differ, and by whom it is mended."""

    NOT_LISTED = "not listed"  # the next sensor tick
    CHANGED = "changed"  # the next sensor tick
    VANISHED = "vanished"  # the next sensor tick
    UNFINISHED = "unfinished"  # `repair`: queued again
    ARTIFACT_MISSING = "artifact missing"  # `repair`: queued again
    NOT_INDEXED = "not indexed"  # `repair`: indexed again
    WRONG_POINTS = "wrong points"  # `repair`: indexed again
    ORPHANED_POINTS = "orphaned points"  # `repair`: removed
    HELD_OBJECT_MISSING = "held object missing"  # by hand: `docpipe quarantine drop`, or upload it again
    NOT_HELD = "not held"  # by hand: an object in quarantine that no document accounts for
    ATTACHMENTS = "attachments"  # `repair`: the next sensor tick looks at them


@dataclass(frozen=True, slots=True)
class Inconsistency:
    """One difference between two of the four."""

    kind: Kind
    name: str
    """Object key where the bucket is concerned, else partition key."""
    detail: str


@dataclass(slots=True)
class Consistency:
    """The verdict."""

    documents: Counter[str] = field(default_factory=Counter)
    """Documents by status."""
    objects: int = 0
    points: int = 0
    """In the searched collection."""
    collections: Counter[str] = field(default_factory=Counter)
    """Points by collection."""
    newer: Counter[str] = field(default_factory=Counter)
    """Documents that are newer in a collection that is not searched than in the one that is, by that collection: one is being
    built, or searches were sent back."""
    in_flight: int = 0
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    """What changed since then was seen half before and half after its change, and counts as in flight."""
    inconsistencies: list[Inconsistency] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not self.inconsistencies

    def is_moving(self, document: Document) -> bool:
        """Whether the document is on its way, or was at some time since the check began."""
        return document.status in (*IN_FLIGHT, DocumentStatus.PENDING) or self.has_changed(document)

    def has_changed(self, document: Document) -> bool:
        return document.updated is not None and document.updated > self.started


def check(pipeline: Pipeline) -> Consistency:
    """Compare all four; memory grows with the number of indexed documents by about 200 bytes each, and 25 for each further collection."""
    found = Consistency()
    found.inconsistencies += _bucket_differences(pipeline, found)
    found.inconsistencies += _quarantine_differences(pipeline)
    indexed, searched = _read_index(pipeline, found)
    receipts = ReceiptCollections(pipeline.ledger)
    with ThreadPoolExecutor(IO_THREADS) as threads:
        documents = pipeline.ledger.all_documents()
        while page := list(islice(documents, PAGE)):
            states = pipeline.ledger.stage_states([document.key for document in page])
            inside = pipeline.ledger.attachments([document.key for document in page])
            named = _receipts(states, receipts)
            for document in page:
                found.documents[document.status] += 1
                held = indexed.pop(document.key)
                if found.is_moving(document):
                    # Until a new generation is complete, the points of the one before are rightly there.
                    found.in_flight += 1
                else:
                    found.inconsistencies += _index_differences(document, states, held, named.get(document.key, ""))
                    found.newer.update(_newer(document, states, held, named.get(document.key, ""), searched))
                    found.inconsistencies += _attachment_differences(document, states, inside.get(document.key, ()))
            done = [document for document in page if document.status is DocumentStatus.INDEXED and not found.is_moving(document)]
            for missing in threads.map(partial(_artifact_differences, states, pipeline.artifacts), done):
                found.inconsistencies += missing
    for key in indexed:
        points = sum(sum(generations.values()) for generations in indexed.of(key).values())
        found.inconsistencies.append(
            Inconsistency(Kind.ORPHANED_POINTS, key, f"{points} points of a document that the ledger does not know")
        )
    return found


def _bucket_differences(pipeline: Pipeline, found: Consistency) -> Iterator[Inconsistency]:
    ledger: Ledger = pipeline.ledger

    def listing() -> Iterator[ObjectInfo]:
        for info in documents_in(pipeline.bucket):
            found.objects += 1
            yield info

    in_flight = set(IN_FLIGHT)
    for one in differences(listing(), ledger.known()):
        if isinstance(one, Arrived):
            document = ledger.find(one.info.key)
            if document is None or document.status is DocumentStatus.DELETED:
                yield Inconsistency(Kind.NOT_LISTED, one.info.key, "in the bucket, not in the ledger: the next sensor tick takes it")
            elif document.status not in in_flight and not found.has_changed(document):
                yield Inconsistency(Kind.CHANGED, one.info.key, "replaced since it was indexed: the next sensor tick takes it")
        else:
            document = ledger.documents([one.key]).get(one.key)
            if document and document.status not in in_flight and not found.has_changed(document):
                yield Inconsistency(Kind.VANISHED, one.object_key, "no longer in the bucket: the next sensor tick removes it")


def _quarantine_differences(pipeline: Pipeline) -> Iterator[Inconsistency]:
    """Compare what lies in quarantine with the ledger, which is asked again about each difference.

    Both are streams in the same order. What is on its way in or out is left to the next sweep.
    """
    ledger = pipeline.ledger
    listed, held = pipeline.bucket.list(prefix=PREFIX), ledger.held_places()
    info, row = next(listed, None), next(held, None)
    while info is not None or row is not None:
        if row is None or (info is not None and info.key.encode() < row[0].encode()):
            assert info is not None
            if ledger.state_at(info.key) is None:
                yield Inconsistency(Kind.NOT_HELD, info.key, "no document in quarantine accounts for it: look at it, then remove it")
            info = next(listed, None)
        elif info is None or row[0].encode() < info.key.encode():
            place, key = row
            if ledger.state_at(place) is ConfinementState.HELD:
                yield Inconsistency(Kind.HELD_OBJECT_MISSING, key, f"{place} is not there: upload the document again, or drop it")
            row = next(held, None)
        else:
            info, row = next(listed, None), next(held, None)


def _read_index(pipeline: Pipeline, found: Consistency) -> tuple[Inventory, str]:
    """What all collections hold, and the name of the one that is searched."""
    with open_catalog(pipeline.settings) as catalog:
        listed = catalog.listed()
    active = next((one.collection for one in listed if one.active), None)
    inventory = read_inventory(pipeline.settings, [one.collection for one in listed])
    searched = (active or own_collection(pipeline.settings)).name
    found.collections = inventory.points
    found.points = inventory.points[searched]
    return inventory, searched


def _receipts(states: Mapping[tuple[str, StageName], StageState], receipts: ReceiptCollections) -> dict[str, str]:
    """The collection that each document's receipt names."""
    recipes = {key: state.recipe for (key, stage), state in states.items() if stage is StageName.INDEXED_VECTORS}
    named = receipts.of(recipe for recipe in recipes.values() if recipe)
    return {key: named.get(recipe, "") for key, recipe in recipes.items()}


def _index_differences(
    document: Document, states: Mapping[tuple[str, StageName], StageState], held: Held, collection: str
) -> Iterator[Inconsistency]:
    """Compare one document with all collections; `collection` is the one that its receipt names."""
    if document.status is DocumentStatus.FAILED and not failed_for_good(document, states):
        # It may yet succeed, and its old version stays until then.
        return
    if document.status is not DocumentStatus.INDEXED:
        # A document that failed when it was reprocessed is still what the index holds of it.
        kept = document.generation if document.status is DocumentStatus.FAILED else None
        orphaned = [points for generations in held.values() for generation, points in generations.items() if generation != kept]
        if orphaned:
            # A server's points that no head names count 0: no search finds them, and still they take their place.
            yield Inconsistency(Kind.ORPHANED_POINTS, document.key, f"{sum(orphaned)} points of a document that is {document.status}")
        return
    generations = held.get(collection, {})
    expected, points = _expected(document, states), generations.get(document.generation, 0)
    if expected and not points:
        where = f"{collection} has none of generation {document.generation}" if collection else "no receipt says where they are"
        yield Inconsistency(Kind.NOT_INDEXED, document.key, f"{expected} points expected, {where}")
    elif points != expected:
        yield Inconsistency(Kind.WRONG_POINTS, document.key, f"the ledger says {expected} points, {collection} has {points}")
    for generation in generations.keys() - {document.generation}:
        yield Inconsistency(Kind.WRONG_POINTS, document.key, f"{generations[generation]} points of old generation {generation}")


def _newer(
    document: Document, states: Mapping[tuple[str, StageName], StageState], held: Held, collection: str, searched: str
) -> Iterator[str]:
    """Name the collection that has the document where the searched one has an older version of it, or none."""
    indexed = document.status is DocumentStatus.INDEXED and _expected(document, states)
    if indexed and collection not in ("", searched) and document.generation not in held.get(searched, {}):
        yield collection


def _expected(document: Document, states: Mapping[tuple[str, StageName], StageState]) -> int:
    state = states.get((document.key, StageName.INDEXED_VECTORS))
    return state.counts.get("points", 0) if state else 0


def _artifact_differences(
    states: dict[tuple[str, StageName], StageState], artifacts: ArtifactStore, document: Document
) -> list[Inconsistency]:
    missing: list[Inconsistency] = []
    for stage in StageName:
        state = states.get((document.key, stage))
        if state is None or not state.is_complete_for(document):
            missing.append(
                Inconsistency(Kind.UNFINISHED, document.key, f"indexed, but {stage} is not complete in generation {document.generation}")
            )
        elif not artifacts.exists(stage, document.key, state.fingerprint):
            missing.append(Inconsistency(Kind.ARTIFACT_MISSING, document.key, f"{stage} {state.fingerprint}"))
    if document.parent and not artifacts.has_part(
        StageName.PARSED_PAGES, document.parent, document.parent_fingerprint or "", document.etag
    ):
        missing.append(Inconsistency(Kind.ATTACHMENTS, document.parent, f"the bytes of {document.object_key} are missing"))
    return missing


def _attachment_differences(
    document: Document, states: dict[tuple[str, StageName], StageState], attachments: Sequence[Document]
) -> Iterator[Inconsistency]:
    """Compare the number of attachments that the document holds with those in the ledger."""
    parsed = states.get((document.key, StageName.PARSED_PAGES))
    expected = 0
    if document.status not in WITHOUT_CONTENT and parsed and parsed.is_complete_for(document):
        expected = parsed.counts.get(ATTACHMENTS, 0)
    elif document.status is DocumentStatus.FAILED and not failed_for_good(document, states):
        # Its old attachments stay as its old passages do.
        return
    known = sum(attachment.status is not DocumentStatus.DELETING for attachment in attachments)
    if known == expected:
        return
    detail = f"holds {expected} attachments, the ledger has {known}"
    if document.attachments_due:
        yield Inconsistency(Kind.NOT_LISTED, document.object_key, f"{detail}: the next sensor tick takes what there is")
    else:
        yield Inconsistency(Kind.ATTACHMENTS, document.key, detail)
