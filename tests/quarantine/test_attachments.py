"""Attachments have no object to move: they are quarantined where they lie, and follow the document that they came in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from docpipe.errors import ParseFailed, QuarantineRefused
from docpipe.ledger.quarantine import ConfinementState
from docpipe.models import Document, DocumentStatus
from docpipe.quarantine.sweep import sweep
from docpipe.settings import Settings
from tests.parcels import parcel
from tests.test_attachments import FIRST, Place


@pytest.fixture
def place(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A mail with an attachment that is in quarantine."""
    made = Place(settings(), monkeypatch)
    made.trouble = lambda document, _time: ParseFailed("no sense") if document.object_key == FIRST else None
    made.put("mail", parcel("text", **{"a.txt": "hello"}))
    made.look()
    assert not made.run()
    made.look()
    assert [type(error) for error in made.run()] == [ParseFailed]
    assert [one.object_key for one in sweep(made.pipeline)] == [FIRST]
    yield made
    made.ledger.close()


def test_it_stays_where_it_is_and_no_object_moves(place: Place) -> None:
    assert [info.key for info in place.pipeline.bucket.list()] == ["mail"]
    assert place.alive() == {"mail": DocumentStatus.INDEXED, FIRST: DocumentStatus.QUARANTINED}
    place.settle()
    assert place.alive() == {"mail": DocumentStatus.INDEXED, FIRST: DocumentStatus.QUARANTINED}
    assert list(sweep(place.pipeline)) == []


def test_it_is_released_and_never_dropped(place: Place) -> None:
    (held,) = place.ledger.confined()
    with pytest.raises(QuarantineRefused, match="is an attachment"):
        place.pipeline.quarantine.drop(held)
    place.pipeline.quarantine.release(held)
    with pytest.raises(QuarantineRefused, match="released already"):
        place.pipeline.quarantine.release(held)
    place.trouble = lambda _document, _time: None
    place.settle()
    assert (place.document(FIRST).status, place.document(FIRST).generation) == (DocumentStatus.INDEXED, 2)


def test_it_goes_with_its_mail(place: Place) -> None:
    key = place.document(FIRST).key
    place.pipeline.bucket.delete("mail")
    place.settle()
    assert place.alive() == {}
    assert [(one.state, one.ended is not None) for one in place.ledger.confinements_of(key)] == [(ConfinementState.OVERTAKEN, True)]


def test_a_quarantined_mail_takes_its_attachments_along_and_brings_them_back(place: Place) -> None:
    def trouble(document: Document, _time: int) -> Exception | None:
        return ParseFailed("no sense") if document.object_key == "mail" else None

    place.trouble = trouble
    place.put("mail", parcel("changed", **{"a.txt": "hello"}))
    place.look()
    place.run()
    assert [one.object_key for one in sweep(place.pipeline)] == ["mail"]
    place.settle()
    assert place.alive() == {"mail": DocumentStatus.QUARANTINED}
    place.trouble = lambda _document, _time: None
    (held,) = place.ledger.confined()
    place.pipeline.quarantine.release(held)
    place.settle()
    assert place.alive() == {"mail": DocumentStatus.INDEXED, FIRST: DocumentStatus.INDEXED}
