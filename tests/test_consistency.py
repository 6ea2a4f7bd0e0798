"""Each kind of difference, made to happen, is named; and nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import pytest

from docpipe import consistency
from docpipe.consistency import Consistency, Inconsistency, Kind, check
from docpipe.index import Collection, open_catalog, open_reader, open_writer, own_collection
from docpipe.index.edge import EdgeWriter
from docpipe.index.inventory import Inventory
from docpipe.ledger import KnownObject, Ledger
from docpipe.models import DocumentStatus, StageName
from docpipe.partition_key import document_id
from docpipe.pipeline import Pipeline
from docpipe.quarantine.sweep import sweep
from docpipe.reconcile import reconcile
from docpipe.repair import repair
from docpipe.settings import Settings
from docpipe.stage import Stage
from tests.receipted import ReceiptedIndex, points_of
from tests.small_stages import small_stages


class Site:
    """Three indexed documents: small stages, a real ledger, real artifacts and a real index."""

    def __init__(self, pipeline: Pipeline, stage: ReceiptedIndex) -> None:
        self.pipeline = pipeline
        self.stage = stage
        for name in "abc":
            pipeline.bucket.write(name, b"one line\nanother")
        self.look()
        self.run()
        assert check(pipeline).inconsistencies == []

    def look(self) -> None:
        reconcile(self.pipeline.bucket, self.pipeline.ledger, self.pipeline.settings)

    def run(self, keys: Sequence[str] | None = None) -> None:
        keys = keys or [document.key for document in self.pipeline.ledger.all_documents()]
        for stage in StageName:
            assert not [one.error for one in self.pipeline.run(stage, keys, "run") if one.error]

    def write(self, key: str, generation: int, points: int) -> None:
        with open_writer(self.pipeline.settings) as index:
            index.replace([points_of(key, generation, [f"line {number}" for number in range(points)], self.stage.collection)])

    def differences(self) -> list[tuple[str, str]]:
        return [(one.kind, one.name) for one in check(self.pipeline).inconsistencies]


@pytest.fixture
def site(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = settings()
    stage = ReceiptedIndex(made, own_collection(made))
    stages: dict[StageName, Stage] = small_stages({}) | {StageName.INDEXED_VECTORS: stage}
    monkeypatch.setattr(Pipeline, "stage", lambda self, name, run_id="": stages[name])
    pipeline = Pipeline(made)
    yield Site(pipeline, stage)
    pipeline.ledger.close()


def test_what_agrees_is_counted(site: Site) -> None:
    found = check(site.pipeline)
    assert (found.objects, found.points, found.in_flight, dict(found.documents)) == (3, 6, 0, {"indexed": 3})
    assert found.agrees


def test_an_object_that_nobody_looked_at_yet(site: Site) -> None:
    site.pipeline.bucket.write("new", b"text")
    assert site.differences() == [("not listed", "new")]
    site.look()
    assert site.differences() == []
    assert check(site.pipeline).in_flight == 1


def test_an_object_that_changed(site: Site) -> None:
    site.pipeline.bucket.write("b", b"text")
    assert site.differences() == [("changed", "b")]


def test_an_object_that_went_away(site: Site) -> None:
    site.pipeline.bucket.delete("b")
    assert site.differences() == [("vanished", "b")]
    site.look()
    site.pipeline.remove(["b"])
    assert site.differences() == []


def test_a_lost_artifact(site: Site) -> None:
    state = site.pipeline.ledger.stage_states(["b"])["b", StageName.CHUNKS]
    (path,) = (site.pipeline.settings.home / "artifacts" / "chunks").rglob(f"{document_id('b')}/{state.fingerprint}.zst")
    path.unlink()
    (found,) = check(site.pipeline).inconsistencies
    assert found == Inconsistency(Kind.ARTIFACT_MISSING, "b", f"chunks {state.fingerprint}")
    site.run()
    assert site.differences() == []


def test_points_that_were_lost(site: Site) -> None:
    with open_writer(site.pipeline.settings) as index:
        index.delete(["b"])
    assert site.differences() == [("not indexed", "b")]


def test_a_point_too_few_and_points_of_an_older_generation(site: Site) -> None:
    site.write("a", generation=1, points=1)
    with open_writer(site.pipeline.settings) as index:
        index.delete(["c"])
    site.write("c", generation=7, points=2)
    assert sorted(site.differences()) == [("not indexed", "c"), ("wrong points", "a"), ("wrong points", "c")]


def test_points_of_a_document_that_the_ledger_does_not_know(site: Site) -> None:
    site.write("stranger", generation=1, points=1)
    assert site.differences() == [("orphaned points", "stranger")]


def test_points_of_a_document_that_was_deleted(site: Site) -> None:
    site.pipeline.bucket.delete("b")
    site.look()
    site.pipeline.ledger.tombstone(["b"])
    assert site.differences() == [("orphaned points", "b")]


def test_points_that_no_search_finds_are_of_a_document_that_was_deleted_all_the_same(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's writer that was killed before it wrote the head leaves such points, which count 0."""
    site.pipeline.bucket.delete("b")
    site.look()
    site.pipeline.remove(["b"])
    inventory = Inventory()
    inventory.add(site.stage.collection.name, [("a", 1, 2), ("b", 1, 0), ("c", 1, 2)])
    monkeypatch.setattr(consistency, "read_inventory", lambda *_: inventory)
    assert site.differences() == [("orphaned points", "b")]


def test_an_indexed_document_with_an_unfinished_stage(site: Site) -> None:
    ledger = site.pipeline.ledger
    assert ledger.start(StageName.CHUNKS, {"b": (1, "f", "r")}, "other") == ["b"]
    state = ledger.stage_states(["b"])["b", StageName.INDEXED_VECTORS]
    assert ledger.complete(StageName.INDEXED_VECTORS, "b", 1, state.fingerprint, state.recipe, state.counts, 0.1)
    assert site.differences() == [("unfinished", "b")]


def test_a_new_generation_on_its_way_is_no_difference(site: Site) -> None:
    site.pipeline.bucket.write("b", b"text")
    site.look()
    found = check(site.pipeline)
    assert (found.inconsistencies, found.in_flight) == ([], 1)
    site.run()
    assert site.differences() == []


def _quarantine(site: Site) -> None:
    _refuse_what_was_indexed(site)
    assert [one.key for one in sweep(site.pipeline)] == ["b"]


def test_a_document_in_quarantine_is_no_difference_once_its_old_version_is_withdrawn(site: Site) -> None:
    _quarantine(site)
    assert site.differences() == [("orphaned points", "b")]
    site.pipeline.withdraw(site.pipeline.ledger.outdated(10))
    assert site.differences() == []
    assert check(site.pipeline).documents == {"indexed": 2, "quarantined": 1}


def test_what_lies_in_quarantine_is_compared_with_the_ledger(site: Site) -> None:
    _quarantine(site)
    site.pipeline.withdraw(["b"])
    site.pipeline.bucket.write("_quarantine/stray", b"?")
    site.pipeline.bucket.delete("_quarantine/b")
    found = check(site.pipeline)
    assert [(one.kind, one.name) for one in found.inconsistencies] == [("held object missing", "b"), ("not held", "_quarantine/stray")]
    # Nobody knows what was meant, so both are left to a person.
    assert repair(site.pipeline, found) == []


def _lose_artifact(site: Site) -> None:
    state = site.pipeline.ledger.stage_states(["b"])["b", StageName.CHUNKS]
    site.pipeline.artifacts.delete(StageName.CHUNKS, "b", state.fingerprint)


def _lose_points(site: Site) -> None:
    with open_writer(site.pipeline.settings) as index:
        index.delete(["b"])


def _lose_one_point(site: Site) -> None:
    site.write("b", generation=1, points=1)


def _add_stranger(site: Site) -> None:
    site.write("b2", generation=1, points=1)


def _refuse_what_was_indexed(site: Site) -> None:
    site.pipeline.bucket.write("b", b"")
    site.look()


def _index_again(site: Site, key: str) -> None:
    """What a run does that works beside the check: a new generation, points and all."""
    site.pipeline.bucket.write(key, b"one line, another and a third\n" * 3)
    site.look()
    site.run()


def test_a_document_that_was_indexed_between_two_looks_is_no_difference(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    stock = consistency._read_index

    def meanwhile(pipeline: Pipeline, found: Consistency) -> tuple[Inventory, str]:
        inventory = stock(pipeline, found)
        _index_again(site, "b")
        return inventory

    monkeypatch.setattr(consistency, "_read_index", meanwhile)
    found = check(site.pipeline)
    assert (found.inconsistencies, found.in_flight) == ([], 1)
    monkeypatch.undo()


def test_points_that_were_withdrawn_between_two_looks_are_no_difference(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _refuse_what_was_indexed(site)
    stock = consistency._read_index

    def meanwhile(pipeline: Pipeline, found: Consistency) -> tuple[Inventory, str]:
        inventory = stock(pipeline, found)
        site.pipeline.withdraw(["b"])
        return inventory

    monkeypatch.setattr(consistency, "_read_index", meanwhile)
    assert site.differences() == []


def test_an_object_that_was_taken_in_during_the_listing_is_no_difference(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    stock = type(site.pipeline.ledger).known
    site.pipeline.bucket.write("b", b"changed")
    site.pipeline.bucket.delete("c")

    def known(ledger: Ledger, after: str = "") -> Iterator[KnownObject]:
        rows = list(stock(ledger, after))
        with monkeypatch.context() as patch:
            patch.setattr(Ledger, "known", stock)
            site.look()
            site.pipeline.remove(["c"])
            site.run(["b"])
        return iter(rows)

    monkeypatch.setattr(Ledger, "known", known)
    found = check(site.pipeline)
    assert found.inconsistencies == []


@pytest.mark.parametrize("kind", ["BucketUnavailable", "WorkerLost"])
def test_a_document_that_may_yet_succeed_keeps_its_old_points(site: Site, kind: str) -> None:
    site.pipeline.bucket.write("b", b"changed")
    site.look()
    assert site.pipeline.ledger.fail(StageName.PARSED_PAGES, "b", 2, kind, "why")
    assert site.differences() == []
    assert site.pipeline.ledger.outdated(10) == []
    assert site.pipeline.ledger.fail(StageName.PARSED_PAGES, "b", 2, "ParseFailed", "why")
    assert site.differences() == [("orphaned points", "b")]


@pytest.mark.parametrize("kind", [Kind.WRONG_POINTS, Kind.ARTIFACT_MISSING, Kind.ORPHANED_POINTS])
def test_repair_leaves_alone_what_moved_since_the_check(site: Site, kind: Kind) -> None:
    found = check(site.pipeline)
    found.inconsistencies.append(Inconsistency(kind, "b", "seen while a run was about to mend it"))
    _index_again(site, "b")
    assert repair(site.pipeline, found) == []
    site.pipeline.bucket.write("b", b"changed")
    site.look()
    assert repair(site.pipeline, found) == []
    assert site.pipeline.ledger.documents(["b"])["b"].status is DocumentStatus.PENDING
    site.run()
    assert site.differences() == []


@pytest.mark.parametrize("status", [DocumentStatus.REFUSED, DocumentStatus.DELETED])
def test_repair_takes_no_points_that_are_written_meanwhile(site: Site, status: DocumentStatus, monkeypatch: pytest.MonkeyPatch) -> None:
    if status is DocumentStatus.REFUSED:
        _refuse_what_was_indexed(site)
    else:
        site.pipeline.bucket.delete("b")
        site.look()
        site.pipeline.ledger.tombstone(["b"])
    found = check(site.pipeline)
    assert [(one.kind, one.name) for one in found.inconsistencies] == [(Kind.ORPHANED_POINTS, "b")]
    newer = site.pipeline.ledger.documents(["b"])["b"].generation + 1
    stock = EdgeWriter.delete

    def meanwhile(index: EdgeWriter, keys: Sequence[str], keep: Mapping[str, int] | None = None) -> None:
        index.replace([points_of("b", newer, ["one", "two", "three"], own_collection(site.pipeline.settings))])
        stock(index, keys, keep)

    monkeypatch.setattr(EdgeWriter, "delete", meanwhile)
    assert repair(site.pipeline, found) == ["b"]
    monkeypatch.undo()
    with open_reader(site.pipeline.settings) as index:
        assert set(index.inventory()) == {("a", 1, 2), ("b", newer, 3), ("c", 1, 2)}


def test_a_withdrawal_takes_no_points_that_are_written_meanwhile(site: Site) -> None:
    _refuse_what_was_indexed(site)
    site.pipeline.withdraw(["b"])
    assert site.differences() == []
    _index_again(site, "b")
    # Listed for removal before it was indexed again.
    site.pipeline.withdraw(["b"])
    assert site.differences() == []


@pytest.mark.parametrize(
    ("damage", "concerned"),
    [
        (_lose_artifact, "b"),
        (_lose_points, "b"),
        (_lose_one_point, "b"),
        (_add_stranger, "b2"),
        (_refuse_what_was_indexed, "b"),
        (_quarantine, "b"),
    ],
)
def test_repair_mends_what_the_sensor_would_not(site: Site, damage: Callable[[Site], None], concerned: str) -> None:
    damage(site)
    found = check(site.pipeline)
    assert {one.name for one in found.inconsistencies} == {concerned}
    assert repair(site.pipeline, found) == [concerned]
    keys = [document.key for document in site.pipeline.ledger.all_documents()]
    for stage in StageName:
        list(site.pipeline.run(stage, keys, "mending"))
    assert site.differences() == []
    assert repair(site.pipeline, check(site.pipeline)) == []


@pytest.fixture
def beside(site: Site) -> Collection:
    """Another model's collection, to which `b` was written when it changed; the first one is still searched."""
    other = replace(own_collection(site.pipeline.settings), model_sha256="0" * 64, embedder="another", dimension=8)
    site.stage.collection = other
    site.pipeline.bucket.write("b", b"changed")
    site.look()
    site.run(["b"])
    return other


def test_documents_that_are_newer_in_a_collection_beside_are_no_differences(site: Site, beside: Collection) -> None:
    found = check(site.pipeline)
    assert found.inconsistencies == []
    assert (found.points, dict(found.newer)) == (6, {beside.name: 1})
    assert dict(found.collections) == {own_collection(site.pipeline.settings).name: 6, beside.name: 1}
    with open_catalog(site.pipeline.settings) as catalog:
        catalog.activate(beside.name)
    found = check(site.pipeline)
    assert (found.inconsistencies, found.points, dict(found.newer)) == ([], 1, {own_collection(site.pipeline.settings).name: 2})


def test_each_document_is_compared_with_the_collection_of_its_receipt(site: Site, beside: Collection) -> None:
    with open_writer(site.pipeline.settings, beside) as index:
        index.delete(["b"])
    (found,) = check(site.pipeline).inconsistencies
    assert (found.kind, found.name) == (Kind.NOT_INDEXED, "b")
    assert beside.name in found.detail
    assert repair(site.pipeline, check(site.pipeline)) == ["b"]
    site.run()
    assert site.differences() == []


def test_a_collection_that_somebody_deleted(site: Site, beside: Collection) -> None:
    with open_catalog(site.pipeline.settings) as catalog:
        catalog.drop(beside.name)
    assert site.differences() == [("not indexed", "b")]
    assert repair(site.pipeline, check(site.pipeline)) == ["b"]
    site.run()
    assert site.differences() == []


def test_what_left_the_bucket_leaves_every_collection(site: Site, beside: Collection) -> None:
    site.pipeline.bucket.delete("b")
    site.look()
    site.pipeline.ledger.tombstone(["b"])
    found = check(site.pipeline)
    assert [(one.kind, one.name, one.detail[:8]) for one in found.inconsistencies] == [(Kind.ORPHANED_POINTS, "b", "3 points")]
    assert repair(site.pipeline, found) == ["b"]
    assert site.differences() == []
    site.pipeline.bucket.delete("a")
    site.look()
    site.pipeline.remove(["a"])
    for collection in (own_collection(site.pipeline.settings), beside):
        with open_reader(site.pipeline.settings, collection) as index:
            assert {key for key, _, _ in index.inventory()} <= {"c"}


def test_a_refused_version_takes_the_old_ones_out_of_every_collection(site: Site, beside: Collection) -> None:
    _refuse_what_was_indexed(site)
    assert site.differences() == [("orphaned points", "b")]
    site.pipeline.withdraw(site.pipeline.ledger.outdated(10))
    assert site.differences() == []
