"""Into quarantine and out of it: what moves, what stays, and what is refused."""

from __future__ import annotations

import json

import pytest
import zstandard

from docpipe.bucket.folder import FolderBucket
from docpipe.consistency import Kind, _quarantine_differences
from docpipe.errors import QuarantineRefused
from docpipe.ledger.quarantine import ConfinementState
from docpipe.models import DocumentStatus, StageName
from docpipe.quarantine.sweep import is_due
from tests.quarantine.site import TEXT, Site


def test_what_failed_is_moved_with_all_that_tells_why(site: Site) -> None:
    site.put("good")
    site.fail()
    (moved,) = site.sweep()
    assert (moved.state, moved.held_as, moved.stage, moved.error_kind) == (
        ConfinementState.HELD,
        "_quarantine/bad",
        StageName.CHUNKS,
        "ParseFailed",
    )
    assert site.objects() == {"_quarantine/bad": TEXT, "good": TEXT}
    document = site.document()
    assert (document.status, document.error) == (DocumentStatus.QUARANTINED, "bad makes no sense")
    kept = site.evidence()
    assert set(kept) == {"error.json", "traceback.txt", "artifact"}
    told = json.loads(kept["error.json"])
    assert (told["stage"], told["error_kind"], told["error"]) == ("chunks", "ParseFailed", "bad makes no sense")
    assert b"ParseFailed: bad makes no sense" in kept["traceback.txt"]
    assert told["artifact_of"] == "parsed_pages"
    parsed = site.pipeline.artifacts.load(StageName.PARSED_PAGES, "bad", told["fingerprint"])
    assert zstandard.ZstdDecompressor().decompressobj().decompress(kept["artifact"]) == parsed
    assert site.events()[-2:] == ["failed", "quarantined"]
    assert site.sweep() == []


def test_nothing_in_quarantine_is_a_document(site: Site) -> None:
    site.fail()
    site.sweep()
    site.put("_quarantine/by hand", b"text")
    site.put("_quarantine0", TEXT)
    site.put("a", TEXT)
    site.look()
    assert {document.object_key for document in site.pipeline.ledger.all_documents()} == {"_quarantine0", "a", "bad"}
    # Its object is gone by rights.
    assert site.document().status is DocumentStatus.QUARANTINED


def test_what_is_refused_is_moved_too_and_admitted_anew_when_released(site: Site) -> None:
    site.put("empty", b"")
    site.look()
    (moved,) = site.sweep()
    assert (moved.error_kind, moved.stage, site.document("empty").status) == ("DocumentRefused", None, DocumentStatus.QUARANTINED)
    assert set(site.evidence("empty")) == {"error.json"}
    site.pipeline.quarantine.release(moved)
    assert site.objects() == {"empty": b""}
    assert site.document("empty").status is DocumentStatus.PENDING
    site.look()
    assert (site.document("empty").status, site.document("empty").generation) == (DocumentStatus.REFUSED, 2)


def test_a_released_document_is_a_new_generation(site: Site) -> None:
    site.fail()
    (moved,) = site.sweep()
    site.pipeline.quarantine.release(moved)
    assert site.objects() == {"bad": TEXT}
    document = site.document()
    assert (document.status, document.generation, document.attempts, document.error) == (DocumentStatus.PENDING, 2, 0, None)
    site.look()
    assert site.document() == document
    site.failing.clear()
    site.run()
    states = site.pipeline.ledger.stage_states(["bad"])
    assert states["bad", StageName.EMBEDDINGS].is_complete_for(site.document())
    assert "released" in site.events()


def test_the_second_release_says_so_and_changes_nothing(site: Site) -> None:
    site.fail()
    (moved,) = site.sweep()
    site.pipeline.quarantine.release(moved)
    before, objects, events = site.document(), site.objects(), site.events()
    with pytest.raises(QuarantineRefused, match="bad was released already, and is pending in generation 2 now"):
        site.pipeline.quarantine.release(moved)
    with pytest.raises(QuarantineRefused, match="was released already"):
        site.pipeline.quarantine.drop(moved)
    assert (site.document(), site.objects(), site.events()) == (before, objects, events)


def test_a_document_that_fails_again_is_held_again(site: Site) -> None:
    site.fail()
    for generation in (1, 2, 3):
        (moved,) = site.sweep()
        assert (moved.generation, site.objects()) == (generation, {"_quarantine/bad": TEXT})
        site.pipeline.quarantine.release(moved)
        site.run()


def test_a_newer_object_is_a_document_and_the_held_one_can_only_be_dropped(site: Site) -> None:
    site.fail()
    (moved,) = site.sweep()
    site.put("bad", b"newer")
    with pytest.raises(QuarantineRefused, match="another object lies at bad"):
        site.pipeline.quarantine.release(moved)
    assert site.confinement().state is ConfinementState.HELD
    site.look()
    assert (site.document().status, site.document().generation) == (DocumentStatus.PENDING, 2)
    with pytest.raises(QuarantineRefused, match="newer version"):
        site.pipeline.quarantine.release(moved)
    # The newer one fails as well: both are held, neither in the other's place.
    site.run()
    (second,) = site.sweep()
    assert site.objects() == {"_quarantine/bad": TEXT, "_quarantine/bad~2": b"newer"}
    site.pipeline.quarantine.drop(moved)
    assert site.objects() == {"_quarantine/bad~2": b"newer"}
    assert site.document().status is DocumentStatus.QUARANTINED
    site.pipeline.quarantine.release(second)
    assert (site.objects(), site.document().generation) == ({"bad": b"newer"}, 3)


def test_a_dropped_document_goes_the_way_of_a_deleted_one(site: Site) -> None:
    site.fail()
    (moved,) = site.sweep()
    site.pipeline.quarantine.drop(moved)
    assert (site.objects(), site.evidence()) == ({}, {})
    assert site.document().status is DocumentStatus.DELETING
    site.pipeline.ledger.tombstone(["bad"])
    with pytest.raises(QuarantineRefused, match="was dropped already"):
        site.pipeline.quarantine.drop(moved)
    assert site.events()[-3:] == ["quarantined", "dropped", "deleted"]
    site.failing.clear()
    site.put("bad")
    site.look()
    assert (site.document().status, site.document().generation) == (DocumentStatus.PENDING, 2)


def test_an_object_that_is_replaced_before_it_is_moved_stays(site: Site) -> None:
    site.fail()
    site.put("bad", b"newer")
    assert site.sweep() == []
    assert site.objects() == {"bad": b"newer"}
    assert (site.confinement().state, site.evidence()) == (ConfinementState.OVERTAKEN, {})
    # It waits for the look at the bucket, and is not tried again and again until then.
    assert not is_due(site.pipeline)
    site.look()
    assert (site.document().status, site.document().generation) == (DocumentStatus.PENDING, 2)


def test_what_is_still_searchable_or_under_way_stays(site: Site) -> None:
    site.fail()
    ledger = site.pipeline.ledger
    ledger.complete(StageName.INDEXED_VECTORS, "bad", 1, "f", "r", {}, 0.1)
    ledger.fail(StageName.CHUNKS, "bad", 1, "ParseFailed", "when it was done again")
    assert site.sweep() == []
    site.fail("other")
    ledger.requeue([site.document("other").key])
    assert ledger.queue("batch", ["other"]) == ["other"]
    ledger.fail(StageName.CHUNKS, "other", 1, "ParseFailed", "no")
    assert site.sweep() == []
    ledger.close_batch("batch", 3)
    assert [one.key for one in site.sweep()] == ["other"]


def test_nothing_moves_when_it_is_switched_off(site: Site) -> None:
    site.fail()
    site.pipeline.settings = site.pipeline.settings.model_copy(update={"quarantine": False})
    assert site.sweep() == []
    assert (site.document().status, site.objects()) == (DocumentStatus.FAILED, {"bad": TEXT})


@pytest.mark.parametrize("length", [1_020, 1_010])
def test_a_name_that_leaves_no_room_is_held_under_another(site: Site, length: int) -> None:
    name = "/".join(["n" * 99] * 10)
    name += "/" + "x" * (length - len(name) - 1)
    site.failing.add(name)
    site.put(name)
    site.look()
    site.run()
    (moved,) = site.sweep()
    assert moved.held_as is not None
    assert moved.held_as.startswith("_quarantine/~" if length > 1_012 else "_quarantine/nnn")
    assert set(site.objects()) == {moved.held_as}
    site.pipeline.quarantine.release(moved)
    assert set(site.objects()) == {name}


def test_a_file_in_the_place_of_a_folder_is_gone_round(site: Site) -> None:
    """In a folder, `_quarantine/bad` cannot hold another object while it is one itself, nor `bad` be released while it holds some."""
    site.fail()
    site.sweep()
    site.fail("bad/inner")
    (moved,) = site.sweep()
    assert moved.held_as is not None
    assert sorted(site.objects()) == sorted(["_quarantine/bad", moved.held_as])
    site.pipeline.quarantine.release(moved)
    assert site.objects() == {"_quarantine/bad": TEXT, "bad/inner": TEXT}
    if isinstance(site.pipeline.bucket, FolderBucket):
        with pytest.raises(QuarantineRefused, match="another object lies at bad"):
            site.pipeline.quarantine.release(site.confinement("bad"))
        assert site.confinement("bad").state is ConfinementState.HELD


def test_a_folder_in_the_place_of_a_file_is_gone_round(site: Site) -> None:
    site.fail("bad/inner")
    site.sweep()
    if isinstance(site.pipeline.bucket, FolderBucket):
        (site.pipeline.settings.home / "bucket" / "bad").rmdir()
    site.fail("bad")
    (moved,) = site.sweep()
    assert moved.held_as is not None
    assert site.objects() == {"_quarantine/bad/inner": TEXT, moved.held_as: TEXT}
    site.pipeline.quarantine.release(moved)
    assert site.objects() == {"_quarantine/bad/inner": TEXT, "bad": TEXT}


def test_a_look_that_was_begun_before_removes_nothing(site: Site) -> None:
    """Such a look has read that the document failed, and then does not find its object."""
    site.fail()
    site.sweep()
    assert site.pipeline.ledger.mark_gone(["bad"]) == []
    site.pipeline.quarantine.release(site.confinement())
    assert site.objects() == {"bad": TEXT}


@pytest.mark.parametrize("site", ["folder"], indirect=True)
def test_the_folder_that_people_write_into_stays(site: Site) -> None:
    site.fail("inbox/bad")
    site.sweep()
    assert (site.pipeline.settings.home / "bucket" / "inbox").is_dir()
    site.pipeline.quarantine.release(site.confinement("inbox/bad"))
    assert not (site.pipeline.settings.home / "bucket" / "_quarantine").exists()


def test_what_somebody_put_there_is_left_alone(site: Site) -> None:
    site.put("_quarantine/bad", b"mine")
    site.fail()
    (moved,) = site.sweep()
    assert site.objects() == {"_quarantine/bad": b"mine", "_quarantine/bad~1": TEXT}
    assert moved.held_as == "_quarantine/bad~1"


def test_a_held_object_that_was_taken_away_can_be_dropped_only(site: Site) -> None:
    site.fail()
    (moved,) = site.sweep()
    for name in ("a", "z"):
        site.fail(name)
    site.sweep()
    site.put("_quarantine/stray", b"?")
    assert [one.name for one in _quarantine_differences(site.pipeline)] == ["_quarantine/stray"]
    site.pipeline.bucket.delete("_quarantine/bad")
    site.pipeline.bucket.delete("_quarantine/stray")
    with pytest.raises(QuarantineRefused, match="missing"):
        site.pipeline.quarantine.release(moved)
    assert [(one.kind, one.name) for one in _quarantine_differences(site.pipeline)] == [(Kind.HELD_OBJECT_MISSING, "bad")]
    site.pipeline.quarantine.drop(moved)
    assert list(_quarantine_differences(site.pipeline)) == []
