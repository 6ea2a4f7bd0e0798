"""Attachments follow the document that they came in: registered, changed, removed; whoever is killed, the next look heals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from docpipe.attachments import AttachmentsLook, look_at_attachments
from docpipe.consistency import Kind, check
from docpipe.errors import BucketUnavailable, ParseFailed, Superseded
from docpipe.ledger import Ledger
from docpipe.models import Document, DocumentStatus, StageName
from docpipe.pipeline import Pipeline
from docpipe.reconcile import reconcile
from docpipe.repair import repair
from docpipe.settings import Settings
from tests.parcels import ParcelStage, parcel
from tests.small_stages import small_stages
from tests.stages import Trouble, no_trouble

FIRST = "mail!//01-a.txt"


class Place:
    """A bucket, a ledger and artifacts on disk, and small stages over them; the index stays empty."""

    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pipeline = Pipeline(settings)
        self.trouble: Trouble = no_trouble
        self.version = "1"
        self.parser = ParcelStage()
        stages = small_stages({})

        def stage(pipeline: Pipeline, name: StageName, run_id: str = "") -> object:
            self.parser = ParcelStage(self.trouble, self.version)
            return self.parser if name is StageName.PARSED_PAGES else stages[name]

        monkeypatch.setattr(Pipeline, "stage", stage)

    @property
    def ledger(self) -> Ledger:
        return self.pipeline.ledger

    def put(self, name: str, text: str) -> None:
        self.pipeline.bucket.write(name, text.encode())

    def look(self) -> AttachmentsLook:
        """What a tick of the sensor looks at."""
        pipeline = self.pipeline
        reconcile(pipeline.bucket, pipeline.ledger, pipeline.settings)
        return look_at_attachments(pipeline.ledger, pipeline.artifacts, pipeline.settings, time.monotonic() + 60)

    def run(self, stages: tuple[StageName, ...] = tuple(StageName)) -> list[Exception]:
        """What runs of the pending documents do; returns their errors."""
        keys = self.ledger.queue("batch", [pending.key for pending in self.ledger.pending(100)])
        errors = [result.error for stage in stages for result in self.pipeline.run(stage, keys, "run") if result.error]
        self.ledger.close_batch("batch", 3, count=False)
        return errors

    def settle(self) -> None:
        """Looks and runs until nothing is left to do; removals too."""
        for _ in range(8):
            self.look()
            gone = [document.key for document in self.ledger.list_documents(DocumentStatus.DELETING)]
            for key in gone:
                self.pipeline.artifacts.delete_document(key)
            self.ledger.tombstone(gone)
            if not gone and not self.ledger.pending(1):
                return
            assert not self.run()
        raise AssertionError("it does not come to rest")

    def alive(self) -> dict[str, DocumentStatus]:
        return {one.object_key: one.status for one in self.ledger.all_documents() if one.status is not DocumentStatus.DELETED}

    def document(self, object_key: str) -> Document:
        found = self.ledger.find(object_key)
        assert found
        return found

    def differences(self) -> list[tuple[str, str]]:
        # The small stages write no points.
        return [(one.kind, one.name) for one in check(self.pipeline).inconsistencies if one.kind is not Kind.NOT_INDEXED]


@pytest.fixture
def place(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    made = Place(settings(), monkeypatch)
    yield made
    made.ledger.close()


def indexed(*names: str) -> dict[str, DocumentStatus]:
    return dict.fromkeys(names, DocumentStatus.INDEXED)


def test_what_came_in_a_document_is_indexed_as_a_document(place: Place) -> None:
    place.put("mail", parcel("hello", **{"a.txt": "one", "b.txt": "two"}))
    place.put("alone", "text")
    place.look()
    assert place.run() == []
    assert ("not listed", "mail") in place.differences()
    found = place.look()
    assert [document.object_key for document in found.registered] == [FIRST, "mail!//02-b.txt"]
    assert all((one.parent, one.status, one.media_type) == ("mail", DocumentStatus.PENDING, "text/plain") for one in found.registered)
    assert place.run() == []
    assert place.alive() == indexed("alone", "mail", FIRST, "mail!//02-b.txt")
    assert place.differences() == []
    # Nothing is left to do, and a look that finds nothing changes nothing.
    before = list(place.ledger.all_documents())
    assert (place.look().registered, list(place.ledger.all_documents())) == ([], before)


def test_another_attachment_takes_the_place_of_the_old_one(place: Place) -> None:
    place.put("mail", parcel("hello", **{"a.txt": "one", "b.txt": "two"}))
    place.settle()
    place.put("mail", parcel("hello", **{"a.txt": "one", "c.txt": "three"}))
    place.look()
    # Until the new version is parsed, the attachments of the old one stay as its passages do.
    assert place.alive()["mail!//02-b.txt"] is DocumentStatus.INDEXED
    place.settle()
    assert place.alive() == indexed("mail", FIRST, "mail!//02-c.txt")
    assert [place.document(name).generation for name in ("mail", FIRST, "mail!//02-c.txt")] == [2, 1, 1]
    assert place.differences() == []
    place.put("mail", parcel("hello", **{"a.txt": "another"}))
    place.settle()
    assert place.alive() == indexed("mail", FIRST)
    assert place.document(FIRST).generation == 2


def test_attachments_go_with_their_document_and_come_back_with_it(place: Place) -> None:
    inner = parcel("inner", **{"c.txt": "three"})
    place.put("mail", parcel("hello", **{"a.txt": inner}))
    place.settle()
    assert place.alive() == indexed("mail", FIRST, f"{FIRST}!//01-c.txt")
    place.pipeline.bucket.delete("mail")
    found = place.look()
    assert len(found.gone) == 2
    assert set(place.alive().values()) == {DocumentStatus.DELETING}
    place.settle()
    assert place.alive() == {}
    assert list(place.pipeline.artifacts.list_stage(StageName.PARSED_PAGES)) == []
    place.put("mail", parcel("hello", **{"a.txt": inner}))
    place.settle()
    assert place.alive() == indexed("mail", FIRST, f"{FIRST}!//01-c.txt")
    assert place.document(f"{FIRST}!//01-c.txt").generation == 2


@pytest.mark.parametrize("bad", ["", "nonsense"])
def test_a_document_that_cannot_be_read_any_more_keeps_no_attachments(place: Place, bad: str) -> None:
    place.put("mail", parcel("hello", **{"a.txt": "one"}))
    place.settle()
    place.put("mail", bad)
    place.trouble = lambda document, time: ParseFailed("no") if document.key == "mail" else None
    place.look()
    assert len(place.run()) == (1 if bad else 0)
    place.look()
    assert place.document(FIRST).status is DocumentStatus.DELETING


def test_a_refused_attachment_says_why_and_costs_nobody_else_anything(place: Place) -> None:
    place.put("mail", parcel("hello", **{"a.txt": "", "b.zip": "PK\3\4 nothing", "c.txt": "three"}))
    place.settle()
    assert place.alive() == {
        "mail": DocumentStatus.INDEXED,
        FIRST: DocumentStatus.REFUSED,
        "mail!//02-b.zip": DocumentStatus.REFUSED,
        "mail!//03-c.txt": DocumentStatus.INDEXED,
    }
    assert "empty" in str(place.document(FIRST).error)
    assert "ZIP" in str(place.document("mail!//02-b.zip").error)
    assert place.differences() == []
    # Asked for again, it is admitted anew, with the same outcome.
    place.ledger.requeue([place.document(FIRST).key])
    place.settle()
    assert (place.document(FIRST).status, place.document(FIRST).generation) == (DocumentStatus.REFUSED, 2)


def test_what_lies_too_deep_is_refused(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(settings(attachment_depth=2), monkeypatch)
    text = "innermost"
    for name in ("3", "2", "1"):
        text = parcel(name, **{name: text})
    place.put("mail", text)
    place.settle()
    assert place.alive() == {
        **indexed("mail", "mail!//01-1", "mail!//01-1!//01-2"),
        "mail!//01-1!//01-2!//01-3": DocumentStatus.REFUSED,
    }
    assert "DOCPIPE_ATTACHMENT_DEPTH" in str(place.document("mail!//01-1!//01-2!//01-3").error)
    place.ledger.close()


def test_a_look_that_ends_anywhere_is_made_good_by_the_next(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put("mail", parcel("hello", **{"a.txt": "one", "b.txt": "two"}))
    place.look()
    assert place.run() == []
    for name in ("register", "mark_gone", "settle_attachments"):

        def killed(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Ledger, name, killed)
            with pytest.raises(KeyboardInterrupt):
                look_at_attachments(place.ledger, place.pipeline.artifacts, place.pipeline.settings, time.monotonic() + 60)
        assert [document.key for document in place.ledger.due()] == ["mail"]
    place.settle()
    assert place.alive() == indexed("mail", FIRST, "mail!//02-b.txt")
    assert {document.generation for document in place.ledger.all_documents()} == {1}


def test_a_look_without_time_leaves_the_rest_to_the_next(place: Place) -> None:
    for number in range(3):
        place.put(f"mail {number}", parcel("hello", **{"a.txt": f"text {number}"}))
    place.look()
    assert place.run() == []
    times = iter(range(10))
    found = look_at_attachments(place.ledger, place.pipeline.artifacts, place.pipeline.settings, 1.0, clock=lambda: float(next(times)))
    assert len(found.registered) == 2
    assert len(place.look().registered) == 1


def test_an_attachment_in_a_batch_is_waited_for(place: Place) -> None:
    place.put("mail", parcel("hello", **{"a.txt": "one"}))
    place.settle()
    key = place.document(FIRST).key
    place.ledger.requeue([key])
    place.ledger.queue("other", [key])
    place.put("mail", parcel("hello", **{"b.txt": "two"}))
    place.look()
    assert place.run() == []
    place.look()
    assert place.document(FIRST).status is DocumentStatus.QUEUED
    place.ledger.close_batch("other", 3, count=False)
    place.settle()
    assert place.alive() == indexed("mail", "mail!//01-b.txt")


def test_a_document_parsed_anew_hands_its_attachments_over(place: Place) -> None:
    place.put("mail", parcel("hello", **{"a.txt": "one"}))
    place.settle()
    before = place.document(FIRST)
    place.version = "2"
    place.ledger.requeue(["mail"])
    place.settle()
    after = place.document(FIRST)
    assert (after.generation, after.status) == (1, DocumentStatus.INDEXED)
    assert after.parent_fingerprint != before.parent_fingerprint
    # What is read for the attachment's own next parsing is the new artifact's.
    place.ledger.requeue([after.key])
    place.settle()
    assert place.alive() == indexed("mail", FIRST)
    assert place.differences() == []


def test_the_bytes_of_an_attachment_that_were_lost_are_made_anew(place: Place) -> None:
    place.put("mail", parcel("hello", **{"a.txt": "one"}))
    place.settle()
    child = place.document(FIRST)
    (path,) = (place.pipeline.settings.home / "artifacts").rglob(f"*.{child.etag}.part")
    path.unlink()
    assert place.differences() == [("attachments", "mail")]
    found = check(place.pipeline)
    assert "mail" in repair(place.pipeline, found)
    place.settle()
    assert path.is_file()
    assert place.differences() == []


def test_an_attachment_that_is_parsed_when_its_bytes_are_lost_waits_for_them(place: Place) -> None:
    place.put("mail", parcel("hello", **{"a.txt": "one"}))
    place.settle()
    child = place.document(FIRST)
    (path,) = (place.pipeline.settings.home / "artifacts").rglob(f"*.{child.etag}.part")
    path.write_bytes(b"altered")
    place.version = "2"
    place.ledger.requeue([child.key])
    (error,) = place.run()
    assert isinstance(error, Superseded)
    place.version = "1"
    place.settle()
    assert (place.document(FIRST).status, place.document(FIRST).generation) == (DocumentStatus.INDEXED, 2)
    assert path.read_bytes() == b"one"


def test_a_document_queued_again_with_nothing_to_do_is_indexed(place: Place) -> None:
    place.put("mail", parcel("hello", **{"a.txt": "one"}))
    place.settle()
    before = place.ledger.stage_states(["mail"])
    place.ledger.requeue(["mail"])
    place.settle()
    assert place.alive() == indexed("mail", FIRST)
    assert place.parser.asked == []
    after = place.ledger.stage_states(["mail"])
    assert {place: state.seconds for place, state in after.items()} == {place: state.seconds for place, state in before.items()}


def test_a_ledger_that_lost_an_attachment_is_repaired(place: Place) -> None:
    place.put("mail", parcel("hello", **{"a.txt": "one"}))
    place.settle()
    place.ledger.mark_gone([place.document(FIRST).key])
    place.ledger.tombstone([place.document(FIRST).key])
    assert place.differences() == [("attachments", "mail")]
    repair(place.pipeline, check(place.pipeline))
    place.settle()
    assert place.alive() == indexed("mail", FIRST)


def test_a_store_out_of_reach_leaves_the_attachments_for_later(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.put("mail", parcel("hello", **{"a.txt": "one"}))
    place.look()
    assert place.run() == []

    def unavailable(*_: object) -> bytes:
        raise BucketUnavailable("the store does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(place.pipeline.artifacts, "load_part", unavailable)
        assert place.look().registered == []
    place.settle()
    assert place.alive() == indexed("mail", FIRST)
