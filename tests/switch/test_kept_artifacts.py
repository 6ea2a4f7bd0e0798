"""What was made for a collection stays as long as searches can be sent back to it."""

from __future__ import annotations

from datetime import UTC, datetime

from docpipe.retention.kept_collections import kept_until
from docpipe.switch import Verdict, release, rollback, switch
from tests.switch.conftest import Works

FOR_EVER = datetime.max.replace(tzinfo=UTC)


def test_nothing_is_kept_while_there_is_one_collection(works: Works) -> None:
    switch(works.first)
    assert kept_until(works.first) is None


def test_from_the_first_document_of_a_new_one_to_the_release_of_the_old(works: Works) -> None:
    switch(works.first)
    works.reprocess(works.second)
    # Searches are still with the old one, whose receipts no stage state names any more.
    assert kept_until(works.second) == FOR_EVER
    assert switch(works.second).verdict is Verdict.SWITCHED
    (newest, *_) = works.second.ledger.switches(works.second.settings.collection)
    assert kept_until(works.second) == newest.at
    rollback(works.second)
    assert kept_until(works.second) == FOR_EVER
    rollback(works.second)
    release(works.second, works.old.name)
    assert kept_until(works.second) is None
